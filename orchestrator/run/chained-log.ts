import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { CHAIN_START } from '../../executor/protocol/index.ts';
import { type AppendLog, openAppendLog } from './append-log.ts';

/**
 * Opens (or goes on with) a log whose records are chained: each has in `prev` the SHA-256 of the line before, without its newline, and the first 64
 * zeros. Who changes, drops, moves or adds one has to write all that follow anew. Half a line that a crash left is ended when another follows, and stays.
 */
export function openChainedLog(file: string, fence: () => void): AppendLog {
  let { prev, isEnded } = endOfChain(file);
  const log = openAppendLog(file, fence);
  return {
    append(record, mayWait) {
      const chained = { ...record, prev };
      if (!isEnded) {
        fence();
        appendFileSync(file, '\n');
      }
      isEnded = true;
      log.append(chained, mayWait);
      prev = sha256(JSON.stringify(chained));
    },
    close() {
      log.close();
    },
  };
}

const NEWLINE = 0x0a;

function endOfChain(file: string): { prev: string; isEnded: boolean } {
  const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  if (content.length === 0) return { prev: CHAIN_START, isEnded: true };
  const isEnded = content.at(-1) === NEWLINE;
  const lines = isEnded ? content.subarray(0, -1) : content;
  return { prev: sha256(lines.subarray(lines.lastIndexOf(NEWLINE) + 1)), isEnded };
}

function sha256(line: string | Buffer): string {
  return createHash('sha256').update(line).digest('hex');
}
