import { createHash } from 'node:crypto';
import type { Descriptor } from './descriptor.ts';
import { readPart } from './read-part.ts';

const PART_BYTES = 256 * 1024;

/** SHA-256 of an open file, in hex. */
export function hashFile(file: Descriptor): string {
  const hash = createHash('sha256');
  for (let offset = 0; ; offset += PART_BYTES) {
    const part = readPart(file, offset, PART_BYTES);
    hash.update(part);
    if (part.length < PART_BYTES) return hash.digest('hex');
  }
}
