import type { Duplex } from 'node:stream';
import { createInterface } from 'node:readline';

/** What an order came to. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Root's shell in the guest: one order after the other. */
export class RootShell {
  readonly #port: Duplex;
  readonly #lines: AsyncIterator<string>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(port: Duplex) {
    this.#port = port;
    this.#lines = createInterface({ input: port })[Symbol.asyncIterator]();
  }

  /** Runs a script as root and waits for its end. */
  async run(script: string, timeoutMs = 30_000): Promise<Outcome> {
    const turn = this.#turn.then(() => this.#ask(script, timeoutMs));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #ask(script: string, timeoutMs: number): Promise<Outcome> {
    this.#port.write(`${Buffer.from(script).toString('base64')}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`expected an end of ${JSON.stringify(script)} within ${timeoutMs} ms, got none`));
      }, timeoutMs);
    });
    const { value } = (await Promise.race([this.#lines.next(), late])) as IteratorResult<string, undefined>;
    clearTimeout(timer);
    const [, code, output] = /^([0-9]+) (\S*)$/.exec(value ?? '') ?? [];
    if (code === undefined || output === undefined)
      throw new Error(`expected a code and an output, got ${String(value)}`);
    return { code: Number(code), output: Buffer.from(output, 'base64').toString() };
  }
}
