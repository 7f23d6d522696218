/** Characters of one string that are kept. */
const KEPT_CHARS = 256;

/** One printable run: where it begins and its start. */
export interface FoundString {
  readonly offset: number;
  readonly text: string;
  readonly truncated: boolean;
}

/**
 * Finds runs of printable ASCII, as strings(1) does, in content that comes part by part. It keeps the first `max` of them and counts all; of
 * a run without end it keeps the beginning only. So memory stays bounded whatever comes.
 */
export class StringFinder {
  readonly found: FoundString[] = [];
  total = 0;
  readonly #max: number;
  readonly #minChars: number;
  #offset = 0;
  #start = 0;
  #length = 0;
  #kept = '';

  constructor(max: number, minChars: number) {
    this.#max = max;
    this.#minChars = minChars;
  }

  add(part: Buffer): void {
    for (let at = 0; at < part.length; at++) {
      const byte = part[at] ?? 0;
      if ((byte < 0x20 || byte > 0x7e) && byte !== 0x09) this.#close();
      else this.#take(byte, this.#offset + at);
    }
    this.#offset += part.length;
  }

  /** Ends the run that reaches to the end. */
  finish(): void {
    this.#close();
  }

  #take(byte: number, at: number): void {
    if (this.#length === 0) this.#start = at;
    this.#length++;
    if (this.#kept.length < KEPT_CHARS && this.found.length < this.#max) this.#kept += String.fromCharCode(byte);
  }

  #close(): void {
    if (this.#length >= this.#minChars) {
      this.total++;
      const truncated = this.#length > KEPT_CHARS;
      if (this.found.length < this.#max) this.found.push({ offset: this.#start, text: this.#kept, truncated });
    }
    this.#length = 0;
    this.#kept = '';
  }
}
