import type { Output } from '../../protocol/answer.ts';

/** Bytes as they stand in an answer. */
export type Encoded = Pick<Output, 'encoding' | 'data'>;

/** As text where they are valid UTF-8 and that is no longer on the wire, else as base64: never more than 4/3 of the bytes. */
export function encodeBytes(bytes: Buffer): Encoded {
  const text = decode(bytes);
  const base64Length = Math.ceil(bytes.length / 3) * 4 + 2;
  if (text !== undefined && Buffer.byteLength(JSON.stringify(text)) <= base64Length)
    return { encoding: 'utf8', data: text };
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
