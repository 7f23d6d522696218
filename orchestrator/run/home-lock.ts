import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HomeLockError } from './home-lock-error.ts';
import { describeThisProcess, type HomeOwner, isAlive, readOwner } from './home-owner.ts';

/*
 * One process at a time works on a data directory. Two files in it:
 *
 * lock        the lock itself: a record lock of the kernel (fcntl, taken through SQLite) on an empty file. The kernel gives it to exactly
 *             one process and takes it back when that process dies, however it dies: no stale owner to judge, no race to lose.
 *             Children do not inherit it, so a VM that outlives us does not keep the next owner from burning it.
 * lock.json   who has it, for people. Where the lock file was deleted under its owner, the name in here still refuses a second one.
 *
 * Nothing but this file may open `lock`: closing any other descriptor of it in this process would drop the lock (fcntl(2)).
 *
 * Who deletes both takes the data directory from a living owner. That one may have been asleep (SIGSTOP, a laptop's lid): `assertHeld`,
 * asked before each statement of the journal, keeps it from going on where it stopped.
 */

/** Takes the data directory for this process, or rejects at once with HomeLockError; never waits. Released on disposal and by any death. */
export function lockHome(home: string): Promise<HomeLock> {
  // Everything below is synchronous: one short sequence that no other task of this process can interleave.
  return Promise.resolve().then(() => {
    const release = takeKernelLock(home);
    try {
      refuseLivingOwner(home);
      const owner = describeThisProcess();
      writeFileSync(ownerFile(home), ownerText(owner), { mode: 0o600 });
      return holdUntilDisposed(home, owner, release);
    } catch (error) {
      release();
      throw error instanceof HomeLockError ? error : unusable(home, error);
    }
  });
}

/** The data directory is this process's until this is disposed of. */
export interface HomeLock extends AsyncDisposable {
  readonly owner: HomeOwner;
  /** Throws HomeLockError (`home_lost`) when the data directory is somebody else's by now. Costs microseconds. */
  readonly assertHeld: () => void;
}

/** SQLite's result code for "somebody else has it" (SQLITE_BUSY). */
const SQLITE_BUSY = 5;

/** Held here as well as in the caller's hands: a lock that is garbage-collected would be released. */
const held = new Set<DatabaseSync>();

function takeKernelLock(home: string): () => void {
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    lock = new DatabaseSync(join(home, 'lock'), { timeout: 0 });
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    throw isBusy(error) ? busy(home, readOwner(ownerFile(home)), error) : unusable(home, error);
  }
  const taken = lock;
  held.add(taken);
  return () => {
    if (held.delete(taken)) taken.close();
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function refuseLivingOwner(home: string): void {
  const owner = readOwner(ownerFile(home));
  if (owner !== undefined && isAlive(owner)) throw busy(home, owner);
}

function holdUntilDisposed(home: string, owner: HomeOwner, release: () => void): HomeLock {
  const { ino } = statSync(join(home, 'lock'));
  let disposal: Promise<void> | undefined;
  const isHeld = (): boolean => isOurs(home, owner, ino);
  const dispose = (): void => {
    if (isHeld()) rmSync(ownerFile(home), { force: true });
    release();
  };
  return {
    owner,
    assertHeld: () => {
      if (disposal !== undefined || !isHeld()) throw lost(home);
    },
    [Symbol.asyncDispose]: () => (disposal ??= Promise.resolve().then(dispose)),
  };
}

/** By the name in lock.json; where only that was deleted, by the lock file's own number, which nobody else has while we hold it open. */
function isOurs(home: string, owner: HomeOwner, ino: number): boolean {
  try {
    return readFileSync(ownerFile(home), 'utf8') === ownerText(owner);
  } catch {
    return statSync(join(home, 'lock'), { throwIfNoEntry: false })?.ino === ino;
  }
}

function ownerText(owner: HomeOwner): string {
  return `${JSON.stringify(owner)}\n`;
}

function ownerFile(home: string): string {
  return join(home, 'lock.json');
}

function busy(home: string, owner: HomeOwner | undefined, cause?: unknown): HomeLockError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid} (since ${owner.since})`;
  const said = {
    expected: `the data directory ${home} to be free`,
    got: `${who} working on it`,
    hint: 'wait until it has finished, or give this one a data directory of its own (BURNBAG_HOME)',
  };
  return new HomeLockError('home_busy', said, { cause, ...(owner !== undefined && { owner }) });
}

function lost(home: string): HomeLockError {
  return new HomeLockError('home_lost', {
    expected: `the data directory ${home} to be this process's still`,
    got: 'its lock taken away',
    hint: 'whoever has it now burns what this process left; never delete `lock` or `lock.json`',
  });
}

function unusable(home: string, cause: unknown): HomeLockError {
  const said = {
    expected: `a data directory at ${home} that this user can write to, on a file system with record locks`,
    got: cause instanceof Error ? cause.message : String(cause),
    hint: 'check its owner, mode and free space, or set BURNBAG_HOME to another folder',
  };
  return new HomeLockError('home_unusable', said, { cause });
}
