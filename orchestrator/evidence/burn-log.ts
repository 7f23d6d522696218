import { closeSync, constants, existsSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BURN_FILE, RECEIPT_FILES } from './format/names.ts';

/** What is said while a run is destroyed, one JSON line an event. It never stands in the way of the destruction. */
export interface BurnLog {
  append(event: object): void;
  /** Waits until it is on disk; returns how many events could not be kept. */
  close(): number;
}

/** More than any destruction says; a verifier reads it whole. */
const BURN_LOG_MAX_BYTES = 1024 * 1024;

/**
 * Opens (or, after a crash, goes on with) burn.ndjson in a bundle. Once a receipt is signed over it nothing is added: what a later, repeated
 * destruction says is dropped, because the receipt that is there must stay the one that holds.
 */
export function openBurnLog(dir: string): BurnLog {
  if (isProven(dir)) return { append: () => undefined, close: () => 0 };
  let fd = openForAppend(join(dir, BURN_FILE));
  let room = fd === undefined ? 0 : BURN_LOG_MAX_BYTES - fstatSync(fd).size;
  let dropped = 0;
  const append = (event: object): void => {
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    if (fd === undefined || line.length > room) dropped += 1;
    else {
      room -= line.length;
      try {
        writeAll(fd, line);
      } catch {
        dropped += 1;
      }
    }
  };
  return {
    append,
    close() {
      if (fd !== undefined) {
        try {
          fdatasyncSync(fd);
        } catch {
          dropped += 1;
        }
        closeSync(fd);
      }
      fd = undefined;
      return dropped;
    },
  };
}

/** The envelope is written last: with it, the receipt is whole. */
function isProven(dir: string): boolean {
  return existsSync(join(dir, RECEIPT_FILES.envelope));
}

/** Undefined where the file cannot be written: then everything is dropped, and counted. */
function openForAppend(file: string): number | undefined {
  try {
    const fd = openSync(file, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    endLastLine(fd);
    return fd;
  } catch {
    return undefined;
  }
}

/** A crash may have left half a line. */
function endLastLine(fd: number): void {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a) writeAll(fd, Buffer.from('\n'));
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
