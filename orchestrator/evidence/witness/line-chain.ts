import { createHash } from 'node:crypto';
import { CHAIN_START } from '../../../executor/protocol/chain.ts';

/** Follows lines each of which has the digest of the one before. */
export class LineChain {
  #hash = CHAIN_START;

  /** Takes the next line, and returns what it must have in `prev`. */
  take(line: Buffer | undefined): string {
    const before = this.#hash;
    this.#hash = line === undefined ? '' : createHash('sha256').update(line).digest('hex');
    return before;
  }
}
