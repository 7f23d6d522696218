import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LockFiles } from './lock.ts';
import { acquireLock, breakLocks } from './lock.ts';
import { isProvenDead, ownIdentity } from './process-identity.ts';

let root = '';
let folder = '';
let files: LockFiles;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lock-'));
  folder = join(root, 'locks', 'dev');
  files = { locks: folder, state: join(root, 'stacks', 'dev.json') };
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

const leave = (content: unknown): void => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'other.json'), JSON.stringify(content));
};

it('is held once, and again after release', async () => {
  const lock = await acquireLock(files);
  await expect(acquireLock(files)).rejects.toMatchObject({
    code: 'stack_locked',
    message: expect.stringMatching(/^error: the stack is currently locked by 1 lock\(s\)\./) as string,
  });
  await lock.release();
  await (await acquireLock(files)).release();
  expect(readdirSync(folder)).toEqual([]);
  expect(readdirSync(join(root, 'stacks'))).toEqual([]);
});

it('of many who try at once at most one gets it', async () => {
  for (let round = 0; round < 20; round += 1) {
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => acquireLock(files)));
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won.length).toBeLessThanOrEqual(1);
    for (const { value } of won) await value.release();
  }
});

it('is not taken from a process that may live: without identity, of another machine, of another namespace, or alive', async () => {
  const own = ownIdentity();
  for (const content of [
    { pid: 999_999, hostname: hostname() },
    { ...own, hostname: 'elsewhere', pid: 999_999 },
    { ...own, namespace: 'pid:[1]', pid: 999_999 },
    { ...own, machine: 'a clone of this one', boot: 'its own', pid: 999_999 },
    { ...own, machine: undefined, pid: 999_999 },
    own,
  ]) {
    leave(content);
    await expect(acquireLock(files)).rejects.toMatchObject({ code: 'stack_locked' });
    await breakLocks(files);
  }
});

it.skipIf(ownIdentity() === undefined)('is taken from a process proven dead, and that is said', async () => {
  const changes = [
    { pid: 4_194_304 },
    { started: '1' },
    ...(ownIdentity()?.machine === '' ? [] : [{ boot: 'earlier' }]),
  ];
  for (const change of changes) {
    leave({ ...ownIdentity(), username: 'me', timestamp: 'then', ...change });
    const lock = await acquireLock(files);
    expect(lock.takenOver).toHaveLength(1);
    await lock.release();
  }
});

it('knows that it lives itself', () => {
  const own = ownIdentity();
  if (own !== undefined) expect(isProvenDead(own)).toBe(false);
});
