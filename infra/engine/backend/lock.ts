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

/** The lock files of a stack; every file of the folder counts as one. */
async function listLocks(folder: string): Promise<readonly string[]> {
  return (await listFolder(folder)).filter((name) => !name.endsWith('.attrs'));
}

async function refuseOthers(folder: string, own: string): Promise<void> {
  const others = (await listLocks(folder)).filter((name) => name !== own);
  if (others.length === 0) return;
  const lines = await Promise.all(others.map((name) => describeLock(join(folder, name))));
  throw new EngineError(
    'stack_locked',
    [
      `error: the stack is currently locked by ${others.length} lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.`,
      ...lines.map((line) => `  ${line}`),
    ].join('\n'),
  );
}

async function describeLock(path: string): Promise<string> {
  const content = await readLock(path);
  const text = (key: string): string =>
    typeof content[key] === 'string' || typeof content[key] === 'number' ? String(content[key]) : '?';
  return `file://${path}: created by ${text('username')}@${text('hostname')} (pid ${text('pid')}) at ${text('timestamp')}`;
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
  const said: string[] = [];
  for (const name of await listLocks(folder)) {
    const path = join(folder, name);
    const identity = processIdentitySchema.safeParse(await readLock(path));
    if (!identity.success || !isProvenDead(identity.data)) continue;
    said.push(`took over a lock whose owner is dead: ${await describeLock(path)}`);
    await rm(path, { force: true });
  }
  return said;
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
