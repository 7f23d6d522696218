import { LoginRefused } from './refused.ts';

/** Reads SSH's wire types (RFC 4251 section 5) from front to back. Anything short, left over or badly encoded is refused. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
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
    if (bytes.length !== length) throw malformed(`${length} bytes of ${what}`, String(bytes.length));
    return bytes;
  }

  /** A string that is valid UTF-8. */
  text(): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.string());
    } catch (cause) {
      if (cause instanceof LoginRefused) throw cause;
      throw malformed('text in UTF-8', 'other bytes');
    }
  }

  /** Nothing may follow: trailing bytes are how two readers come to disagree. */
  end(): void {
    if (!this.atEnd) throw malformed('nothing more', `${this.#bytes.length - this.#at} bytes left over`);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed(`${length} bytes`, String(this.#bytes.length - this.#at));
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

/** Bytes that are not what the format says. */
export function malformed(expected: string, got: string): LoginRefused {
  return new LoginRefused('LOGIN_CERTIFICATE_INVALID', expected, got, 'the certificate is not one that our CA writes');
}
