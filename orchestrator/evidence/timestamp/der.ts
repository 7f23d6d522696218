/**
 * A reader of DER (ITU-T X.690), as far as timestamps and certificates need it. Strict: one form for each length and number, nothing left over;
 * whatever is not what was asked for is a DerError.
 */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content as they stand. */
  readonly whole: Buffer;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag [n] of a schema, around further elements. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

/** Bytes are not the DER that was expected. */
export class DerError extends Error {
  override readonly name = 'DerError';

  constructor(expected: string, got: string) {
    super(`expected ${expected}, got ${got}`);
  }
}

/** Bytes that are exactly one element. */
export function readElement(bytes: Buffer, tag: number, what: string): DerElement {
  const reader = new DerReader(bytes, what);
  const element = reader.next(tag);
  reader.end();
  return element;
}

/** Takes elements that stand one after the other, in the order of a schema. */
export class DerReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** The next element, which must have this tag. */
  next(tag: number): DerElement {
    const found = this.nextIf(tag);
    if (found === undefined) throw this.#wrong(`tag ${hex(tag)}`, hex(this.#bytes[this.#at]));
    return found;
  }

  /** The next element if it has this tag: for what a schema calls optional. */
  nextIf(tag: number): DerElement | undefined {
    return this.#bytes[this.#at] === tag ? this.#take() : undefined;
  }

  /** The tag of the next element. */
  peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** What is inside the next element. */
  enter(tag: number, what = this.#what): DerReader {
    return new DerReader(this.next(tag).content, what);
  }

  /** All that are left, each of this tag. */
  rest(tag: number): readonly DerElement[] {
    const elements: DerElement[] = [];
    while (this.#at < this.#bytes.length) elements.push(this.next(tag));
    return elements;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw this.#wrong('no more', `${this.#bytes.length - this.#at} bytes`);
  }

  #take(): DerElement {
    const [start, tag] = [this.#at, this.#bytes[this.#at] ?? 0];
    const [length, from] = this.#readLength(start + 1);
    const whole = this.#bytes.subarray(start, from + length);
    if (whole.length !== from + length - start) throw this.#wrong(`${length} bytes`, 'fewer');
    this.#at = from + length;
    return { tag, content: whole.subarray(from - start), whole };
  }

  /** A length in its shortest form, and where what it counts begins. */
  #readLength(at: number): readonly [number, number] {
    const first = this.#bytes[at] ?? 0xff;
    if (first < 0x80) return [first, at + 1];
    const digits = this.#bytes.subarray(at + 1, at + 1 + (first & 0x7f));
    const length = digits.length === 0 || digits.length > LENGTH_BYTES_MAX ? 0 : digits.readUIntBE(0, digits.length);
    if (digits.length !== (first & 0x7f) || length < 0x80 || digits[0] === 0)
      throw this.#wrong('a length in its shortest form', `${hex(first)} ${digits.subarray(0, 8).toString('hex')}`);
    return [length, at + 1 + digits.length];
  }

  #wrong(expected: string, got: string): DerError {
    return new DerError(`${expected} in ${this.#what} at byte ${this.#at}`, got);
  }
}

/** Sixteen megabytes are more than anything here has. */
const LENGTH_BYTES_MAX = 3;

/** Longer numbers and names than anybody uses only keep a verifier busy. */
const SCALAR_BYTES_MAX = 64;

/** A whole number. */
export function integerOf({ content }: DerElement): bigint {
  requireShort(content);
  const [first = 0, second = 0] = content;
  const isLong = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  if (content.length === 0 || isLong) throw new DerError('a number in its shortest form', content.toString('hex'));
  return BigInt.asIntN(content.length * 8, BigInt(`0x${content.toString('hex')}`));
}

/** An object identifier, in numbers with dots. */
export function oidOf({ content }: DerElement): string {
  requireShort(content);
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first, ...others] = arcs;
  if (first === undefined || (content.at(-1) ?? 0) >= 0x80)
    throw new DerError('an object identifier', content.toString('hex'));
  const top = first < 80n ? first / 40n : 2n;
  return [top, first - top * 40n, ...others].join('.');
}

/** A moment in milliseconds: GeneralizedTime in UTC with any fraction (RFC 3161, section 2.4.2), or UTCTime, whose years are 1950 to 2049. */
export function timeOf({ tag, content }: DerElement): number {
  const text = content.toString('latin1');
  const long = tag === TAG.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = ''] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,8}[1-9]))?Z$/.exec(long) ?? [];
  const milliseconds = fraction.padEnd(3, '0').slice(0, 3);
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}Z`;
  const at = Date.parse(iso);
  if (Number.isNaN(at) || new Date(at).toISOString() !== iso)
    throw new DerError('a moment in UTC', JSON.stringify(text));
  return at;
}

function requireShort({ length }: Buffer): void {
  if (length > SCALAR_BYTES_MAX) throw new DerError(`at most ${SCALAR_BYTES_MAX} bytes`, String(length));
}

function hex(byte: number | undefined): string {
  return byte === undefined ? 'the end' : `0x${byte.toString(16).padStart(2, '0')}`;
}
