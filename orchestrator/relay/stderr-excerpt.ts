import { violation } from './errors.ts';
import { STDERR_KEPT_BYTES, STDERR_MAX_BYTES } from './limits.ts';

/** Keeps the start of a stream and counts the rest; too much of it is a protocol violation. */
export class StderrExcerpt {
  bytes = 0;
  #kept = Buffer.alloc(0);

  add(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.#kept.length < STDERR_KEPT_BYTES) {
      this.#kept = Buffer.concat([this.#kept, chunk]).subarray(0, STDERR_KEPT_BYTES);
    }
    if (this.bytes > STDERR_MAX_BYTES) throw violation(`at most ${STDERR_MAX_BYTES} bytes of stderr`, 'more');
  }

  /** What was kept; bytes that are not UTF-8 are replaced. */
  get text(): string {
    return this.#kept.toString('utf8');
  }
}
