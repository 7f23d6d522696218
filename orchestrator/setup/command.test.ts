import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { runCommand } from './command.ts';

const SH = '/bin/sh';

test('gives what a program said and how it ended', async () => {
  const lines: string[] = [];
  const result = await runCommand(SH, ['-c', 'echo one; echo two >&2; exit 3'], {
    env: {},
    deadlineSeconds: 5,
    onLine: (line) => void lines.push(line),
  });
  expect(result).toMatchObject({ ended: 'exit', exitCode: 3 });
  expect(lines.sort()).toEqual(['one', 'two']);
});

test('a program sees the given environment and no other', async () => {
  const { output } = await runCommand('/usr/bin/env', [], { env: { ONLY: 'this' }, deadlineSeconds: 5 });
  expect(output).toBe('ONLY=this');
});

test('a program that is not there is a result', async () => {
  expect(await runCommand('/nowhere/program', [], { env: {}, deadlineSeconds: 5 })).toMatchObject({
    ended: 'not_started',
  });
});

test('a deadline ends the program and everything below it', async () => {
  const started = performance.now();
  const result = await runCommand(SH, ['-c', '/bin/sleep 61.7 & echo $!; wait'], { env: {}, deadlineSeconds: 0.2 });
  expect(result.ended).toBe('deadline');
  expect(performance.now() - started).toBeLessThan(4_000);
  await expect.poll(() => stateOf(result.output)).toMatch(/gone|Z/);
});

test('a program that ignores the request to end is killed', async () => {
  const result = await runCommand(SH, ['-c', 'trap "" TERM; echo deaf; /bin/sleep 61.8; /bin/sleep 61.9'], {
    env: {},
    deadlineSeconds: 0.2,
  });
  expect(result).toMatchObject({ ended: 'deadline', output: 'deaf' });
}, 10_000);

test('a cancelled one is told apart', async () => {
  const result = await runCommand('/bin/sleep', ['62'], {
    env: {},
    deadlineSeconds: 30,
    signal: AbortSignal.timeout(100),
  });
  expect(result.ended).toBe('cancelled');
});

test('endless output does not fill the memory', async () => {
  const { output } = await runCommand(
    SH,
    ['-c', 'i=0; while [ $i -lt 3000 ]; do echo "0123456789012345678901234567890123456789"; i=$((i+1)); done'],
    { env: {}, deadlineSeconds: 20 },
  );
  expect(output.length).toBeLessThanOrEqual(64 * 1024);
});

/** `Z` for one that is dead and that nobody has asked about yet. */
async function stateOf(pid: string): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ') gone');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0] ?? '';
}
