/** Counts bytes, for their entropy. */
export class ByteCounter {
  readonly #counts = new Float64Array(256);
  bytes = 0;

  add(part: Buffer): void {
    for (const byte of part) this.#counts[byte] = (this.#counts[byte] ?? 0) + 1;
    this.bytes += part.length;
  }

  /** Shannon entropy in thousandths of a bit per byte. */
  get millibits(): number {
    let bits = 0;
    for (const count of this.#counts) {
      if (count === 0) continue;
      const share = count / this.bytes;
      bits -= share * Math.log2(share);
    }
    return Math.min(8000, Math.max(0, Math.round(bits * 1000)));
  }
}
