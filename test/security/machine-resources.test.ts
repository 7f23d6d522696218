import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { diskBytes } from '../../infra/local/scratch/disk.ts';
import { peakMiB, smallThing, WAIT_MAX_MS } from '../support/root-guest/costs.ts';
import { startRootGuest, type RootGuest } from '../support/root-guest/root-guest.ts';

/*
 * A guest whose root does its worst, and one beside it that only wants to go on. What the worst may cost this host is stated here.
 */

const MEBIBYTE = 1024 * 1024;
const SCRATCH_MIB = 64;
/** The product's limit is larger; the same mechanism, in less time. */
const FILE_MIB = 80;
/** Memory of the guest, translated code, and QEMU itself. */
const MACHINE_MAX_MIB = 512 + 512;
/** What a flood of frames may cost this process: half of one processor, and buffers. */
const OWN_MAX_CPU = 0.5;
const OWN_MAX_GROWTH_MIB = 96;

const undo = new AsyncDisposableStack();
let hostile: RootGuest;
let bystander: RootGuest;
beforeAll(async () => {
  const starting = [
    startRootGuest({ network: 'wire', scratchMiB: SCRATCH_MIB, fileSize: FILE_MIB * MEBIBYTE }),
    startRootGuest({ network: 'wire' }),
  ];
  [hostile, bystander] = (await Promise.all(starting)).map((guest) => undo.use(guest)) as [RootGuest, RootGuest];
});
afterAll(() => undo.disposeAsync());

test('a disk that is filled costs the host what was promised, and no more', async () => {
  const { output } = await hostile.root.run('dd if=/dev/zero of=/work/fill bs=1M 2>&1; sync', 60_000);
  expect(output).toContain('No space left on device');
  const { size, blocks } = await stat(join(hostile.folder, 'scratch'));
  expect(size).toBe(diskBytes(SCRATCH_MIB));
  expect(blocks * 512).toBeLessThanOrEqual(size + MEBIBYTE);
});

test('memory that is eaten is the memory of the guest', async () => {
  const eater = 'timeout 10 dd if=/dev/zero of=/dev/null bs=300M count=2 &';
  await hostile.root.run(`${eater}\n${eater}\nwait`);
  const peak = await peakMiB(hostile);
  expect(peak).toBeGreaterThan(512);
  expect(peak).toBeLessThan(MACHINE_MAX_MIB);
  const limits = await readFile(`/proc/${hostile.process.pid ?? 0}/limits`, 'utf8');
  expect(limits).toMatch(new RegExp(`^Max address space +${(512 + 3072) * MEBIBYTE} `, 'm'));
  expect(limits).toMatch(new RegExp(`^Max file size +${FILE_MIB * MEBIBYTE} +${FILE_MIB * MEBIBYTE} `, 'm'));
});

test('a flood of frames costs the process at the other end of the wire half a processor at most, and no memory', async () => {
  await hostile.root.run('nft flush ruleset; ip route replace default via 10.0.2.2');
  const [before, cpu, started] = [process.memoryUsage().rss, process.cpuUsage(), performance.now()];
  const flood = (program: string): string => `timeout 3 bash -c 'exec 3>/dev/udp/10.0.2.2/9; ${program} >&3' &`;
  const floods = [flood('dd if=/dev/zero bs=1400'), flood('dd if=/dev/zero bs=1'), 'timeout 3 ping -q -A 10.0.2.2 &'];
  const [, waited] = await Promise.all([
    hostile.root.run(`${floods.join('\n')}\nwait`),
    sleep(500).then(() => smallThing(bystander)),
  ]);
  const { user, system } = process.cpuUsage(cpu);
  expect((user + system) / 1000 / (performance.now() - started)).toBeLessThan(OWN_MAX_CPU);
  expect((process.memoryUsage().rss - before) / MEBIBYTE).toBeLessThan(OWN_MAX_GROWTH_MIB);
  expect(hostile.wire?.dropped.not_tcp).toBeGreaterThan(5_000);
  expect(waited).toBeLessThan(WAIT_MAX_MS);
});

test('processes without end and a flooded console stay inside: the host gains no process, and the other guest goes on', async () => {
  const threads = async (): Promise<number> => (await readdir(`/proc/${hostile.process.pid ?? 0}/task`)).length;
  const bomb = 'bomb() { bomb | bomb & }; bomb; cat /dev/zero >/dev/console';
  await hostile.root.run(`(timeout 4 sh -c '${bomb}' &) >/dev/null 2>&1`);
  const waits = [];
  for (let at = 0; at < 4; at++) {
    await sleep(500);
    waits.push(await smallThing(bystander));
    expect(await threads()).toBeLessThanOrEqual(97);
  }
  expect(Math.max(...waits)).toBeLessThan(WAIT_MAX_MS);
  expect(await peakMiB(hostile)).toBeLessThan(MACHINE_MAX_MIB);
});

test('a log that is flooded ends the machine at the limit: nothing goes on that cannot be written down', async () => {
  // A guest of its own for this: the one before may be beyond listening.
  await hostile[Symbol.asyncDispose]();
  await using talker = await startRootGuest({ network: 'wire', fileSize: FILE_MIB * MEBIBYTE });
  const holder =
    'for fd in /proc/[0-9]*/fd/*; do [ "$(readlink $fd)" = "$(readlink -f /dev/audit)" ] && pid=${fd#/proc/} && kill -9 ${pid%%/*}; done';
  await talker.root.run(
    `kill -STOP $(pidof auditd); ${holder}; (dd if=/dev/zero of=/dev/audit bs=64k &) >/dev/null 2>&1`,
  );
  expect(await Promise.race([talker.ended, sleep(60_000, 'still running')])).toEqual({
    exitCode: null,
    signal: 'SIGXFSZ',
  });
  expect((await stat(join(talker.folder, 'audit'))).size).toBe(FILE_MIB * MEBIBYTE);
  expect(await smallThing(bystander)).toBeLessThan(WAIT_MAX_MS);
});
