import { LINE_MAX_BYTES, PENDING_MAX } from '../../protocol/limits.ts';
import type { Line } from './lines.ts';

/**
 * Lines that have come and wait for their turn. It reads ahead, so that the end of the input is seen while an action runs, but only so far:
 * at its bounds it stops reading, and the sender has to wait.
 */
export class Inbox {
  readonly #lines: Line[] = [];
  #bytes = 0;
  #isOver = false;
  #error: Error | undefined;
  /** Resolved whenever something was put in or taken out. */
  #change = Promise.withResolvers<undefined>();

  /** `onEnd` is called once, when the input has ended or failed; lines that came before are still there to take. */
  constructor(input: AsyncIterable<Line>, onEnd: () => void) {
    void this.#fill(input).finally(onEnd);
  }

  /** The next line; undefined at the end. Throws what the reading of the input threw, after the lines before it. */
  async take(): Promise<Line | undefined> {
    while (this.#lines.length === 0 && !this.#isOver) await this.#change.promise;
    const line = this.#lines.shift();
    if (line === undefined) {
      if (this.#error !== undefined) throw this.#error;
      return undefined;
    }
    this.#bytes -= line.bytes.length;
    this.#changed();
    return line;
  }

  async #fill(input: AsyncIterable<Line>): Promise<void> {
    try {
      for await (const line of input) {
        this.#lines.push(line);
        this.#bytes += line.bytes.length;
        this.#changed();
        while (this.#lines.length >= PENDING_MAX || this.#bytes >= LINE_MAX_BYTES) await this.#change.promise;
      }
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
    }
    this.#isOver = true;
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve(undefined);
    this.#change = Promise.withResolvers<undefined>();
  }
}
