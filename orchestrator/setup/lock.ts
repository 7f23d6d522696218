import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from './errors.ts';

/** A whole cold set-up on a slow line; whoever waits for one should not give up before it ends. */
const WAIT_SECONDS = 1800;
const LOOK_AGAIN_MS = 250;
/** SQLite's result code for "somebody else has it" (SQLITE_BUSY). */
const SQLITE_BUSY = 5;

/**
 * Waits until no other process prepares this data directory, then keeps it until disposed of. A record lock of the kernel, taken through SQLite
 * on an empty file: it ends with its process, however that dies.
 */
export async function lockSetup(home: string, signal: AbortSignal, onWait: () => void): Promise<Disposable> {
  const giveUpAt = Date.now() + WAIT_SECONDS * 1000;
  for (let told = false; ; told = true) {
    const database = tryLock(home);
    if (database !== undefined)
      return {
        [Symbol.dispose]: () => {
          database.close();
        },
      };
    if (!told) onWait();
    if (Date.now() > giveUpAt) throw stillRunning(home);
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

function tryLock(home: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    database = new DatabaseSync(join(home, 'setup.lock'), { timeout: 0 });
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined;
    const got = `${home}: ${error instanceof Error ? error.message : String(error)}`;
    const said = {
      expected: 'a data directory that this user can write to',
      got,
      hint: 'set BURNBAG_HOME to a folder of yours',
    };
    throw new SetupError('data_directory_unusable', said, { cause: error });
  }
}

function stillRunning(home: string): SetupError {
  return new SetupError('setup_running', {
    expected: `the data directory ${home} to be free`,
    got: `another set-up working on it for ${WAIT_SECONDS} seconds`,
    hint: 'find and end that process, then run this again',
  });
}
