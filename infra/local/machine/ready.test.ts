import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { awaitReady, type Wait } from './ready.ts';

const MACHINE = '35b00705-5978-41d1-898e-2522f42c5d69';
const READY = `BURNBAG READY machine=${MACHINE} uptime=2.33 hostkey=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg\r\n`;

let folder = '';
let consoleFile = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-ready-'));
  consoleFile = join(folder, 'console.log');
  await writeFile(consoleFile, 'qboot\r\n');
});
afterEach(() => rm(folder, { recursive: true }));

const waiting = (changes: Partial<Wait> = {}): ReturnType<typeof awaitReady> =>
  awaitReady({
    consoleFile,
    machineId: MACHINE,
    deadlineMs: 5_000,
    signal: new AbortController().signal,
    ended: () => undefined,
    machineLog: () => Promise.resolve(''),
    ...changes,
  });

test('READY is found although it comes in pieces', async () => {
  const ready = waiting();
  for (const piece of [READY.slice(0, 9), READY.slice(9, -1), '\n']) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await appendFile(consoleFile, piece);
  }
  await expect(ready).resolves.toMatchObject({ kind: 'ready', machineId: MACHINE });
});

test.each([
  ['of another machine', READY.replace('35b00705', '00000000'), 'boot_failed'],
  ['that is malformed', READY.replace('ssh-ed25519', 'ssh-rsa'), 'boot_failed'],
  ['preceded by a failed step', `BURNBAG FAILED firewall\n${READY}`, 'boot_failed'],
  ['after the deadline was said', `BURNBAG DEADLINE\n${READY}`, 'boot_failed'],
  ['after a flood', `${'x'.repeat(1024 * 1024)}\n${READY}`, 'boot_failed'],
])('a READY %s is refused', async (_, text, code) => {
  await appendFile(consoleFile, text);
  await expect(waiting()).rejects.toMatchObject({ code });
});

test('a boot that takes too long says what was on the console, escaped', async () => {
  await appendFile(consoleFile, 'kernel \x1b[31mpanic\r\n');
  await expect(waiting({ deadlineMs: 30 })).rejects.toMatchObject({
    code: 'boot_timeout',
    retryable: true,
    got: expect.stringContaining('\\x1b[31mpanic') as string,
  });
});

test.each([
  ['qemu: cannot set up guest memory: Cannot allocate memory', 'no_memory'],
  ['', 'machine_died'],
])('QEMU that ends early with %j gives %s', async (said, code) => {
  const ended = { exitCode: 1, signal: null };
  await expect(waiting({ ended: () => ended, machineLog: () => Promise.resolve(said) })).rejects.toMatchObject({
    code,
  });
});

test('a machine that said READY and ended counts as ready: its end is seen by who talks to it', async () => {
  await appendFile(consoleFile, READY);
  await expect(waiting({ ended: () => ({ exitCode: 0, signal: null }) })).resolves.toMatchObject({
    machineId: MACHINE,
  });
});

test('a request to stop ends the wait', async () => {
  await expect(waiting({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
});
