import { LINE_MAX_BYTES } from '../../protocol/limits.ts';

const NEWLINE = 0x0a;

/** Most lines fit; a longer one doubles it until the limit. */
const FIRST_BYTES = 16 * 1024;

/** A line over the limit: nothing after it can be told apart, so the session ends. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

/** One line without its newline. A last line that has none is half a request: `complete` is false. */
export interface Line {
  readonly bytes: Buffer;
  readonly complete: boolean;
}

/** Cuts a stream of bytes into lines, holding at most one and never more than the limit. Throws LineTooLong. */
export async function* readLines(input: AsyncIterable<Buffer>, maxBytes = LINE_MAX_BYTES): AsyncGenerator<Line> {
  const held = new Held(maxBytes);
  for await (const chunk of input) {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      held.add(rest.subarray(0, end));
      yield { bytes: held.take(), complete: true };
      rest = rest.subarray(end + 1);
    }
    held.add(rest);
  }
  if (held.length > 0) yield { bytes: held.take(), complete: false };
}

/** One growing buffer: a line that comes byte by byte costs no more than its bytes. */
class Held {
  readonly #maxBytes: number;
  #bytes = Buffer.alloc(0);
  length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(part: Buffer): void {
    const length = this.length + part.length;
    if (length > this.#maxBytes) throw new LineTooLong(`expected at most ${this.#maxBytes} bytes in a line, got more`);
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(
        Math.max(FIRST_BYTES, length, Math.min(2 * this.#bytes.length, this.#maxBytes)),
      );
      this.#bytes.copy(larger, 0, 0, this.length);
      this.#bytes = larger;
    }
    part.copy(this.#bytes, this.length);
    this.length = length;
  }

  take(): Buffer {
    const line = this.#bytes.subarray(0, this.length);
    this.#bytes = Buffer.alloc(0);
    this.length = 0;
    return line;
  }
}
