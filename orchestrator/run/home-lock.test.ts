import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHome } from './home-lock.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'burnbag-lock-'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

/** A process that takes the lock, says how that went, and keeps it until it is killed. */
const CONTENDER = `
  import { lockHome } from ${JSON.stringify(new URL('./home-lock.ts', import.meta.url).href)};
  try { await lockHome(process.argv[1]); console.log('taken'); setInterval(() => {}, 1000); }
  catch (error) { console.log(error.code); }
`;

async function contend(): Promise<{ said: string; kill: () => Promise<void> }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', CONTENDER, home], {
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  const exit = once(child, 'exit');
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exit;
  };
  return { said: said.toString().trim(), kill };
}

test('names this process while it holds the data directory, and leaves only the empty lock file after', async () => {
  const lock = await lockHome(home);
  expect(lock.owner).toMatchObject({ pid: process.pid });
  expect(JSON.parse(readFileSync(join(home, 'lock.json'), 'utf8'))).toEqual(lock.owner);
  await lock[Symbol.asyncDispose]();
  await lock[Symbol.asyncDispose]();
  expect(readdirSync(home)).toEqual(['lock']);
  await using again = await lockHome(home);
  expect(again.owner.pid).toBe(process.pid);
});

test('refuses a second lock in the same process, and the refusal does not lose the first', async () => {
  await using first = await lockHome(home);
  await expect(lockHome(home)).rejects.toMatchObject({ code: 'home_busy', owner: first.owner });
  const other = await contend();
  expect(other.said).toBe('home_busy');
  await other.kill();
});

test('refuses while another process has it, says which, and takes over at once when that one was killed', async () => {
  const other = await contend();
  expect(other.said).toBe('taken');
  await expect(lockHome(home)).rejects.toMatchObject({
    code: 'home_busy',
    message: expect.stringMatching(/process [0-9]+ \(since /) as string,
  });
  await other.kill();
  expect(existsSync(join(home, 'lock.json'))).toBe(true);
  await using lock = await lockHome(home);
  expect(lock.owner.pid).toBe(process.pid);
});

test('of many that come at the same moment exactly one gets it', async () => {
  const contenders = await Promise.all(Array.from({ length: 4 }, () => contend()));
  await Promise.all(contenders.map((contender) => contender.kill()));
  expect(contenders.map(({ said }) => said).sort()).toEqual(['home_busy', 'home_busy', 'home_busy', 'taken']);
});

test('refuses a living owner even when the lock file was deleted under it', async () => {
  await using first = await lockHome(home);
  rmSync(join(home, 'lock'));
  await expect(lockHome(home)).rejects.toMatchObject({ code: 'home_busy', owner: first.owner });
});

test.each([
  ['a process of an earlier boot', { pid: 1, started: '1', boot_id: '0', since: 'then' }],
  [
    'a reused pid',
    {
      pid: process.pid,
      started: '1',
      boot_id: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      since: 'then',
    },
  ],
  ['nobody legible', 'not an owner'],
])('is not refused by %s', async (_who, owner) => {
  writeFileSync(join(home, 'lock.json'), JSON.stringify(owner));
  await using lock = await lockHome(home);
  expect(lock.owner.pid).toBe(process.pid);
});

test('refuses a data directory that cannot be one', async () => {
  writeFileSync(join(home, 'file'), '');
  await expect(lockHome(join(home, 'file'))).rejects.toMatchObject({ code: 'home_unusable' });
});
