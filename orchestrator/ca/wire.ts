import { CaError } from './errors.ts';

/** An SSH `string`: four bytes of length, then the bytes (RFC 4251 section 5). */
export function writeString(value: Buffer | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
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

/** Reads SSH wire data front to back; whatever is short, left over or not UTF-8 is a CaError. */
export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  get atEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  text(): string {
    const bytes = this.string();
    const text = bytes.toString('utf8');
    if (!Buffer.from(text, 'utf8').equals(bytes)) throw malformed('text in UTF-8', 'other bytes');
    return text;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  /** Nothing may follow: trailing bytes are how two readers come to disagree. */
  end(): void {
    if (!this.atEnd) throw malformed('nothing more', `${this.#bytes.length - this.#position} bytes left over`);
  }

  #take(length: number): Buffer {
    const end = this.#position + length;
    if (end > this.#bytes.length) {
      throw malformed(`${length} bytes`, `${this.#bytes.length - this.#position}`);
    }
    const taken = this.#bytes.subarray(this.#position, end);
    this.#position = end;
    return taken;
  }
}

/** Bytes that are not what the format says. */
export function malformed(expected: string, got: string): CaError {
  return new CaError('certificate_malformed', {
    expected,
    got,
    hint: 'these bytes are not an ed25519 key or certificate as we write them',
  });
}
