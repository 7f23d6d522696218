import type { Output } from '../../protocol/shapes.ts';

/** Bytes as they stand in an answer. */
export type Encoded = Pick<Output, 'encoding' | 'data'>;

/** A string's own two characters in JSON. */
const QUOTES = 2;

/** As text where they are valid UTF-8 and not mostly escapes, else as base64: never more than twice the bytes on the wire. */
export function encodeBytes(bytes: Buffer): Encoded {
  const text = decode(bytes);
  const isShort = text !== undefined && Buffer.byteLength(JSON.stringify(text)) <= 2 * bytes.length + QUOTES;
  if (isShort) return { encoding: 'utf8', data: text };
  return { encoding: 'base64', data: bytes.toString('base64') };
}

/** Takes the start of a character off the end, where a cut has split one. */
export function trimSplitCharacter(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
