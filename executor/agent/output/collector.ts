import { createHash } from 'node:crypto';
import type { Output } from '../../protocol/shapes.ts';
import { OUTPUT_MAX_BYTES } from '../../protocol/limits.ts';
import { encodeBytes, trimSplitCharacter } from './encode.ts';

/** Takes in one output stream: keeps its start, counts and hashes all of it. Memory stays bounded whatever comes. */
export class OutputCollector {
  readonly #maxBytes: number;
  readonly #hash = createHash('sha256');
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;

  constructor(maxBytes = OUTPUT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Buffer): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    const part = chunk.subarray(0, this.#maxBytes - this.#keptBytes);
    if (part.length === 0) return;
    this.#kept.push(Buffer.from(part));
    this.#keptBytes += part.length;
  }

  /** What came, once; nothing may be added afterwards. */
  finish(): Output {
    const truncated = this.#bytes > this.#keptBytes;
    const kept = Buffer.concat(this.#kept, this.#keptBytes);
    const encoded = encodeBytes(truncated ? trimSplitCharacter(kept) : kept);
    return { ...encoded, bytes: this.#bytes, sha256: this.#hash.digest('hex'), truncated };
  }
}
