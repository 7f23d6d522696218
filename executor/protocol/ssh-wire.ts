/** An SSH `string`: four bytes of length, then the bytes (RFC 4251 section 5). */
export function writeString(value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([writeUint32(bytes.length), bytes]);
}

/** An SSH `uint32`. */
export function writeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** An SSH `uint64`. */
export function writeUint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** Makes the error of whoever reads: what should have been there, and what was. */
export type Malformed = (expected: string, got: string) => Error;

/** Reads SSH's wire types from front to back. Anything short, left over or badly encoded is an error of the reader's owner. */
export class SshWireReader {
  readonly #bytes: Buffer;
  readonly #malformed: Malformed;
  #at = 0;

  constructor(bytes: Buffer, malformed: Malformed) {
    this.#bytes = bytes;
    this.#malformed = malformed;
  }

  /** How far it has read. */
  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  /** A string of exactly this many bytes. */
  exactly(length: number, what: string): Buffer {
    const bytes = this.string();
    if (bytes.length !== length) throw this.#malformed(`${length} bytes of ${what}`, String(bytes.length));
    return bytes;
  }

  /** A string that is valid UTF-8. */
  text(): string {
    const bytes = this.string();
    const text = bytes.toString('utf8');
    if (!Buffer.from(text).equals(bytes)) throw this.#malformed('text in UTF-8', 'other bytes');
    return text;
  }

  /** Nothing may follow: trailing bytes are how two readers come to disagree. */
  end(): void {
    if (!this.atEnd) throw this.#malformed('nothing more', `${this.#bytes.length - this.#at} bytes left over`);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw this.#malformed(`${length} bytes`, String(this.#bytes.length - this.#at));
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
