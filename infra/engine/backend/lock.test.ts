import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { acquireLock, breakLocks } from './lock.ts';
import { isProvenDead, ownIdentity } from './process-identity.ts';

let folder = '';
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'lock-')), 'locks', 'dev');
});
afterEach(() => {
  rmSync(join(folder, '..', '..'), { recursive: true });
});

const leave = (content: unknown): void => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'other.json'), JSON.stringify(content));
};

it('is held once, and again after release', async () => {
  const lock = await acquireLock(folder);
  await expect(acquireLock(folder)).rejects.toMatchObject({
    code: 'stack_locked',
    message: expect.stringMatching(/^error: the stack is currently locked by 1 lock\(s\)\./) as string,
  });
  await lock.release();
  await (await acquireLock(folder)).release();
  expect(readdirSync(folder)).toEqual([]);
});

it('of many who try at once at most one gets it', async () => {
  for (let round = 0; round < 20; round += 1) {
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => acquireLock(folder)));
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
    own,
  ]) {
    leave(content);
    await expect(acquireLock(folder)).rejects.toMatchObject({ code: 'stack_locked' });
    await breakLocks(folder);
  }
});

it.skipIf(ownIdentity() === undefined)('is taken from a process proven dead, and that is said', async () => {
  for (const change of [{ pid: 4_194_304 }, { started: '1' }, { boot: 'earlier' }]) {
    leave({ ...ownIdentity(), username: 'me', timestamp: 'then', ...change });
    const lock = await acquireLock(folder);
    expect(lock.takenOver).toHaveLength(1);
    await lock.release();
  }
});

it('knows that it lives itself', () => {
  const own = ownIdentity();
  if (own !== undefined) expect(isProvenDead(own)).toBe(false);
});
