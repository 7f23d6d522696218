import { readSync } from 'node:fs';
import type { Descriptor } from './descriptor.ts';

/** Reads up to `length` bytes at `offset`; fewer only at the end of the file. */
export function readPart(file: Descriptor, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(file.fd, bytes, filled, length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
