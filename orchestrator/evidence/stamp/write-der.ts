import { TAG } from '../timestamp/der.ts';

/** Writes one element of DER around what is inside it. */
export function writeElement(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag), writeLength(content.length), content]);
}

/** A whole number that is not negative, in its shortest form. */
export function writeInteger(value: bigint): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  // A first bit that is set would make it negative.
  return writeElement(TAG.integer, (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]));
}

/** An object identifier from numbers with dots. */
export function writeOid(text: string): Buffer {
  const [top = 0n, second = 0n, ...others] = text.split('.').map(BigInt);
  return writeElement(TAG.oid, ...[top * 40n + second, ...others].map(writeArc));
}

/** Seven bits a byte, all but the last marked. */
function writeArc(arc: bigint): Buffer {
  const bytes = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) bytes.unshift(Number(rest & 0x7fn) | 0x80);
  return Buffer.from(bytes);
}

function writeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}
