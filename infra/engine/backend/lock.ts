import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { EngineError } from '../errors.ts';
import { inFolder, listFolder, temporaryName } from './files.ts';
import type { StackFiles } from './layout.ts';
import { isProvenDead, ownIdentity, processIdentitySchema } from './process-identity.ts';

/** A held stack lock. */
export interface Lock {
  /** Sentences about locks of dead processes that were taken over. */
  readonly takenOver: readonly string[];
  /** Gives the lock back; never throws for a lock that is already gone (someone ran `cancel`). */
  release(): Promise<void>;
}

/** The files a lock is about: its folder, and the state beside which its temporary file is made. */
export type LockFiles = Pick<StackFiles, 'locks' | 'state'>;

/**
 * Takes the DIY backend's lock on a stack: look for others' files, write our own, look again. Two racers may both lose;
 * never do both win. Every acquisition has a file name of its own, so two operations of one process exclude each other.
 * Throws EngineError `stack_locked` in the words the SDK recognises.
 */
export async function acquireLock(files: LockFiles): Promise<Lock> {
  const own = `${randomUUID()}.json`;
  const takenOver = await removeDeadLocks(files.locks);
  await refuseOthers(files.locks, own);
  await writeLock(files, own);
  const release = async (): Promise<void> => {
    await rm(join(files.locks, own), { force: true });
  };
  try {
    await refuseOthers(files.locks, own);
  } catch (error) {
    await release();
    throw error;
  }
  return { takenOver, release };
}

/** Removes every lock of a stack, whoever holds it: what `pulumi cancel` does. */
export async function breakLocks(files: LockFiles): Promise<void> {
  await rm(files.locks, { recursive: true, force: true });
}

/** Who says to hold a lock; what a lock does not tell is `?`. */
export interface LockOwner {
  readonly file: string;
  readonly user: string;
  readonly host: string;
  readonly pid: string;
  readonly since: string;
  /** True only where the process is proven to be no more. */
  readonly provenDead: boolean;
}

/** The locks in a stack's lock folder; every file of it counts as one. */
export async function readLocks(folder: string): Promise<readonly LockOwner[]> {
  const names = (await listFolder(folder)).filter((name) => !name.endsWith('.attrs'));
  return Promise.all(names.map(async (name) => readOwner(join(folder, name), await readLock(join(folder, name)))));
}

async function refuseOthers(folder: string, own: string): Promise<void> {
  const others = (await readLocks(folder)).filter(({ file }) => file !== join(folder, own));
  if (others.length === 0) return;
  throw new EngineError(
    'stack_locked',
    [
      `error: the stack is currently locked by ${others.length} lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.`,
      ...others.map((lock) => `  ${describeLock(lock)}`),
    ].join('\n'),
  );
}

function describeLock({ file, user, host, pid, since }: LockOwner): string {
  return `file://${file}: created by ${user}@${host} (pid ${pid}) at ${since}`;
}

function readOwner(file: string, content: Readonly<Record<string, unknown>>): LockOwner {
  const text = (key: string): string =>
    typeof content[key] === 'string' || typeof content[key] === 'number' ? String(content[key]) : '?';
  const identity = processIdentitySchema.safeParse(content);
  return {
    file,
    user: text('username'),
    host: text('hostname'),
    pid: text('pid'),
    since: text('timestamp'),
    provenDead: identity.success && isProvenDead(identity.data),
  };
}

async function readLock(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Only a lock that carries its owner's whole identity, and whose owner is proven dead, is taken over; and that is said. */
async function removeDeadLocks(folder: string): Promise<readonly string[]> {
  const dead = (await readLocks(folder)).filter(({ provenDead }) => provenDead);
  for (const { file } of dead) await rm(file, { force: true });
  return dead.map((lock) => `took over a lock whose owner is dead: ${describeLock(lock)}`);
}

/** Renamed into place whole: a half-written lock file makes the real CLI fail. The temporary file must stay out of the folder. */
async function writeLock({ locks, state }: LockFiles, name: string): Promise<void> {
  const content = {
    pid: process.pid,
    username: userInfo().username,
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    ...ownIdentity(),
  };
  const temporary = temporaryName(`${state}.lock`);
  await inFolder(dirname(state), () => writeFile(temporary, JSON.stringify(content), { mode: 0o600, flag: 'wx' }));
  try {
    await inFolder(locks, () => rename(temporary, join(locks, name)));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
