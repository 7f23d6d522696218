/** Bytes that the entries of one answer may take on its line, well below the line's limit. */
const ENTRIES_MAX_BYTES = 4 * 1024 * 1024;

/** Counts what entries take on the wire: names are chosen by whoever runs in the sandbox, and can be long and all escapes. */
export class Budget {
  #left: number;

  constructor(bytes = ENTRIES_MAX_BYTES) {
    this.#left = bytes;
  }

  /** Whether there is still room for this entry, and takes it. */
  take(entry: object): boolean {
    this.#left -= Buffer.byteLength(JSON.stringify(entry)) + 1;
    return this.#left >= 0;
  }
}
