import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { CHAIN_START } from '../../executor/protocol/index.ts';
import { type AppendLog, openAppendLog } from './append-log.ts';

/**
 * Opens (or goes on with) a log whose records are chained: each has in `prev` the SHA-256 of the line before, without its newline, and the first 64
 * zeros. Who changes, drops, moves or adds one has to write all that follow anew. Half a line that a crash left is ended, and stays.
 */
export function openChainedLog(file: string, fence: () => void): AppendLog {
  let prev = endOfChain(file);
  const log = openAppendLog(file, fence);
  return {
    append(record, mayWait) {
      const chained = { ...record, prev };
      log.append(chained, mayWait);
      prev = sha256(JSON.stringify(chained));
    },
    close() {
      log.close();
    },
  };
}

const NEWLINE = 0x0a;

function endOfChain(file: string): string {
  const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  if (content.length === 0) return CHAIN_START;
  const isEnded = content.at(-1) === NEWLINE;
  if (!isEnded) appendFileSync(file, '\n');
  const lines = isEnded ? content.subarray(0, -1) : content;
  return sha256(lines.subarray(lines.lastIndexOf(NEWLINE) + 1));
}

function sha256(line: string | Buffer): string {
  return createHash('sha256').update(line).digest('hex');
}
