import { createHash } from 'node:crypto';
import type { Excerpt } from '../../protocol/shapes.ts';
import { encodeBytes, type Encoded } from './encode.ts';

/** A part of a file as an answer has it. */
export function excerptOf(
  bytes: Buffer,
  offset: number,
  fileBytes: number,
  encoded: Encoded = encodeBytes(bytes),
): Excerpt {
  return {
    ...encoded,
    offset,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    file_bytes: fileBytes,
    truncated: offset + bytes.length < fileBytes || offset > 0,
  };
}
