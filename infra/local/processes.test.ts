import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { findProcesses, lookUp, optionOf, parseStat, waitUntilGone } from './processes.ts';

test.each(['qemu', 'a b', 'x) S 1 (y', ')))', ''])('a process named %j is read right', (name) => {
  const stat = `42 (${name}) R 1 42 42 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 0 0`;
  expect(parseStat(stat)).toEqual({ state: 'R', startTime: '987654' });
});

test('a process is found by what it carries, and gone once it has ended', async () => {
  const child = spawn('/bin/sleep', ['123.25'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const [found] = await findProcesses((argv) => argv[1] === '123.25');
  expect(found?.pid).toBe(child.pid);
  if (found === undefined) throw new Error('expected to find it');
  expect(await waitUntilGone(found, 0)).toBe(false);
  child.kill('SIGKILL');
  expect(await waitUntilGone(found, 5_000)).toBe(true);
});

test('a pid with another start time is another process', async () => {
  const own = await lookUp(process.pid);
  expect(own?.argv[0]).toBeDefined();
  expect(await waitUntilGone({ pid: process.pid, startTime: '1' }, 0)).toBe(true);
});

test('an option without a value has none', () => {
  expect(optionOf(['qemu', '-name'], '-name')).toBeUndefined();
  expect(optionOf(['qemu', '-name', 'x'], '-name')).toBe('x');
});
