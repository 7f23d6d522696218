import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeDisk } from '../support/aws/disk.ts';
import { type Machine, startMachine } from '../support/aws/machine.ts';
import { makePublicKeyLine } from '../support/sandbox.ts';

/*
 * A machine on EC2 has no watchdog of its hypervisor, and an instance ends only when it powers itself off: a restart is the next boot of the same
 * instance. Here QEMU restarts as EC2 does, and ends at power off alone.
 */
vi.setConfig({ testTimeout: 400_000, hookTimeout: 300_000 });

/** The shortest an image may be given. */
const LIFETIME_SECONDS = 60;
const BOOT_LIMIT_MS = 180_000;

const undo = new AsyncDisposableStack();
let disk: string;
beforeAll(async () => {
  disk = undo.use(await makeDisk(makePublicKeyLine(), LIFETIME_SECONDS)).file;
});
afterAll(() => undo.disposeAsync());

test.concurrent('at its deadline it says so and powers itself off, which ends the instance', async () => {
  const machine = await start('i-00000000000000da7', '127.83.9.10');
  await said(machine, 'BURNBAG READY');
  const since = performance.now();
  const text = await untilOver(machine, (LIFETIME_SECONDS + 60) * 1000);
  expect(text).toMatch(/^BURNBAG DEADLINE\r?$/m);
  // No other end: one boot, and not before its time.
  expect(text.match(/BURNBAG READY/g)).toHaveLength(1);
  expect(performance.now() - since).toBeGreaterThan((LIFETIME_SECONDS - 55) * 1000);
});

test.concurrent(
  'restarted by the kernel, as its dead-man switch and a panic do, it powers itself off before anybody can log in',
  async () => {
    const machine = await start('i-00000000000000da8', '127.83.9.11');
    await said(machine, 'BURNBAG READY');
    await machine.reset();
    const text = await untilOver(machine, BOOT_LIMIT_MS);
    expect(text).toMatch(/^BURNBAG FAILED initrd: started before\r?$/m);
    expect(text.match(/BURNBAG READY/g)).toHaveLength(1);
    expect(text).not.toContain('BURNBAG DEADLINE');
  },
);

async function start(InstanceId: string, PrivateIpAddress: string): Promise<Machine> {
  const machine = await startMachine(disk, { InstanceId, PrivateIpAddress, InstanceType: 't3.small' });
  undo.defer(() => machine.stop());
  return machine;
}

async function said(machine: Machine, what: string): Promise<void> {
  const until = performance.now() + BOOT_LIMIT_MS;
  while (!(await machine.console()).includes(what)) {
    if (machine.hasEnded() || performance.now() > until)
      throw new Error(`expected ${what}, got ${await machine.console()}`);
    await sleep(100);
  }
}

async function untilOver(machine: Machine, limitMs: number): Promise<string> {
  const until = performance.now() + limitMs;
  while (!machine.hasEnded() && performance.now() < until) await sleep(100);
  const text = await machine.console();
  expect(machine.hasEnded(), text).toBe(true);
  return text;
}
