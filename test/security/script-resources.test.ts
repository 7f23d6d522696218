import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { peakMiB, smallThing, WAIT_MAX_MS } from '../support/root-guest/costs.ts';
import { startRootGuest, type RootGuest } from '../support/root-guest/root-guest.ts';
import { openScripts, type Scripts } from '../support/ssh/scripts.ts';
import { startTarget, type Target } from '../support/ssh/target.ts';

/*
 * A script without any right does its worst by way of the executor, as a detonation does: its cgroup's limits are measured inside the VM, and what
 * it may cost the relay, this host and a second sandbox is stated here. (What root in a guest can do: machine-resources.test.ts.)
 */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 200_000 });
const MEBIBYTE = 1024 * 1024;
const OUTPUT_BYTES = 1024 * MEBIBYTE;
/** An emulated guest prints some megabytes a second: it is ended long before the gigabyte, unless it is given the ten minutes that may take. */
const OUTPUT_SECONDS = Number(process.env['BURNBAG_TEST_OUTPUT_SECONDS'] ?? 20);
const OUTPUT_SHA256 = '49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14';
/** policies/catalogue.json */
const PIDS_MAX = 256;
const MEMORY_SHARE = 0.5;
/** What the relay's process may grow by, whatever a script prints: two answers of one megabyte, and what Node keeps of them. */
const RELAY_MAX_GROWTH_MIB = 64;
/** What a run's logs may grow by for a script that only prints. */
const LOGS_MAX_BYTES = 2 * MEBIBYTE;

const TALKER = `#!/bin/sh\nhead -c ${OUTPUT_BYTES} /dev/zero\n`;
const BOMB = '#!/bin/bash\nbomb() { bomb | bomb & }\nbomb 2>/dev/null\nsleep 8\n';
const EATER = '#!/bin/bash\nsleep 2; dd if=/dev/zero of=/dev/null bs=400M count=2\necho survived\n';
const FILLER =
  '#!/bin/bash\ndd if=/dev/zero of=/work/job/fill bs=1M 2>&1; dd if=/dev/zero of=/tmp/fill bs=1M 2>&1; rm -f /tmp/fill /work/job/fill\n';

const undo = new AsyncDisposableStack();
let target: Target;
let bystander: RootGuest;
let scripts: Scripts;
beforeAll(async () => {
  [target, bystander] = await Promise.all([startTarget(), startRootGuest({ network: 'wire' })]);
  undo.use(target);
  undo.use(bystander);
  scripts = await openScripts(target, [TALKER, BOMB, EATER, FILLER], Math.max(120, OUTPUT_SECONDS));
});
afterAll(async () => {
  await scripts.session.close();
  await undo.disposeAsync();
});

/** Asks the bystander again and again while something goes on, and looks at what else is of interest. */
async function meanwhile<T>(work: Promise<T>, look: () => Promise<void> = () => Promise.resolve()) {
  const waits: number[] = [];
  const state = { over: false };
  const ended = work.finally(() => (state.over = true));
  while (!state.over) {
    waits.push(await smallThing(bystander));
    await look();
    await Promise.race([ended.catch(() => undefined), sleep(500)]);
  }
  return { result: await ended, slowest: Math.max(...waits) };
}

/** A file of the script's cgroup, read by root; empty where there is none now. */
const ofCgroup = async (name: string): Promise<string> =>
  (await target.guest.root.run(`cat /sys/fs/cgroup/detonate-*/${name} 2>/dev/null`)).output.trim();

async function logBytes(): Promise<number> {
  const sizes = ['console', 'audit', 'sshd', 'executor'].map(
    async (name) => (await stat(join(target.guest.folder, name))).size,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

describe('a script that', () => {
  test('prints a gigabyte, or what it can of it in its time, costs relay, host and a second sandbox what was promised', async () => {
    const [rss, logs] = [process.memoryUsage().rss, await logBytes()];
    let most = 0;
    const look = async () => {
      await Promise.resolve();
      most = Math.max(most, process.memoryUsage().rss - rss);
    };
    const { result, slowest } = await meanwhile(scripts.run(TALKER, OUTPUT_SECONDS), look);
    const whole = { bytes: OUTPUT_BYTES, sha256: OUTPUT_SHA256 };
    expect(result).toMatchObject({ stdout: { truncated: true, ...(result.timed_out ? {} : whole) } });
    expect(most / MEBIBYTE).toBeLessThan(RELAY_MAX_GROWTH_MIB);
    expect((await logBytes()) - logs).toBeLessThan(LOGS_MAX_BYTES);
    expect(slowest).toBeLessThan(WAIT_MAX_MS);
  });

  test('forks without end meets the limit of its cgroup, while root, the executor and a second sandbox go on', async () => {
    const counts: number[] = [];
    const { result, slowest } = await meanwhile(scripts.run(BOMB), async () => {
      counts.push(Number(await ofCgroup('pids.current')));
    });
    expect(Math.max(...counts)).toBeGreaterThan(PIDS_MAX / 2);
    expect(Math.max(...counts)).toBeLessThanOrEqual(PIDS_MAX);
    expect(result.timed_out).toBe(false);
    expect(slowest).toBeLessThan(WAIT_MAX_MS);
    expect((await target.guest.root.run('ls -d /sys/fs/cgroup/detonate-*')).code).not.toBe(0);
  });

  test('eats memory is ended at half of the machine’s, and says so', async () => {
    let limit = NaN;
    const { result, slowest } = await meanwhile(scripts.run(EATER), async () => {
      limit = Number((await ofCgroup('memory.max')) || limit);
    });
    expect(result).toMatchObject({ out_of_memory: true, signal: 'SIGKILL', stdout: { data: '' } });
    expect(limit / MEBIBYTE).toBeLessThanOrEqual(512 * MEMORY_SHARE);
    expect(slowest).toBeLessThan(WAIT_MAX_MS);
  });

  test('fills every disk it can write to finds each full, and the host’s file at its size', async () => {
    const { result, slowest } = await meanwhile(scripts.run(FILLER));
    expect(result.stdout.data.match(/No space left on device/g)?.length ?? 0).toBeGreaterThanOrEqual(1);
    const { size, blocks } = await stat(join(target.guest.folder, 'scratch'));
    expect(blocks * 512).toBeLessThanOrEqual(size + MEBIBYTE);
    expect(await peakMiB(target.guest)).toBeLessThan(1024);
    expect(slowest).toBeLessThan(WAIT_MAX_MS);
  });

  test('did all that has left a sandbox that still answers', async () => {
    const health = { id: 99, task_id: 'task-1', action: 'check_health', args: {} } as const;
    expect(await scripts.session.request(health, { timeoutMs: 90_000 })).toMatchObject({ status: 'ok' });
  });
});
