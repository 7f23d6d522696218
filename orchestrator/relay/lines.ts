import { LINE_MAX_BYTES } from '../../executor/protocol/index.ts';
import { violation } from './errors.ts';

const NEWLINE = 0x0a;

/** Cuts a stream of bytes into lines. Holds at most one line; a longer one, or one that is not UTF-8, is a protocol violation. */
export class LineCutter {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** Takes what arrived and gives the lines that are complete now, without their newlines. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      this.#keep(rest.subarray(0, end));
      lines.push(this.#take());
      rest = rest.subarray(end + 1);
    }
    this.#keep(rest);
    return lines;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > LINE_MAX_BYTES) throw violation(`lines of at most ${LINE_MAX_BYTES} bytes`, 'a longer one');
    // A part would keep its whole packet alive: copied, a line costs no more than its bytes.
    if (part.length > 0) this.#parts.push(Buffer.from(part));
  }

  #take(): string {
    const bytes = Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw violation('a line in UTF-8', 'other bytes', cause);
    }
  }
}
