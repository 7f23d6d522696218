import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FailpointName } from '../../orchestrator/run/failpoint.ts';
import type { DumpedRun, Fault } from '../support/crash-plan.ts';
import { scan } from '../support/scanner.ts';
import { findAfter } from './cell.ts';
import { violations } from './invariants.ts';
import { type CrashHome, type CrashPlace, type CrashProcess, openCrashPlace } from './place.ts';

/*
 * An owner that sleeps (SIGSTOP, a laptop's lid) and wakes when the world has moved on. The lock of the data directory is the kernel's, and a
 * sleeper keeps it; only who deletes its files lets a second owner in, and then the first must change nothing any more.
 */

let place: CrashPlace;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const stopped = (step: FailpointName, when: Fault['when']) =>
  ({ do: 'run', fault: { step, when, how: 'stop' } }) as const;

test('a sleeping owner keeps its data directory: nobody else changes anything, and it ends its run when it wakes', async () => {
  await using home = await place.newHome();
  const owner = home.start(stopped('action_sent', 'after'));
  await asleep(owner);
  const before = await scan(home.home);
  const other = home.start({ do: 'recover' });
  expect((await other.ended).code).toBe(1);
  expect(errorOf(other)).toContain('expected the data directory');
  expect(await scan(home.home)).toEqual(before);
  process.kill(owner.pid, 'SIGCONT');
  expect(await owner.ended).toMatchObject({ code: 0 });
  expect(owner.events.at(-1)).toMatchObject({ type: 'ended', state: 'destroyed', outcome: 'succeeded' });
  expect(await scan(home.home)).toEqual([]);
});

describe('an owner whose lock was taken while it slept', () => {
  const moments: readonly (readonly [FailpointName, Fault['when']])[] = [
    ['stack_created', 'before'],
    ['disk', 'before'],
    ['process_spawned', 'before'],
    ['id_stored', 'before'],
    ['keys', 'before'],
    ['action_sent', 'before'],
    ['action_sent', 'after'],
    ['evidence_signed', 'before'],
    ['chunk_uploaded', 'before'],
    ['destroy_journalled', 'after'],
    ['receipt_signed', 'before'],
  ];

  test.each(moments)('changes nothing when it wakes: %s, %s', { timeout: 120_000 }, async (step, when) => {
    await using home = await place.newHome();
    const owner = home.start(stopped(step, when));
    await asleep(owner);
    await rob(home);
    const atCrash = { remnants: await scan(home.home), receipts: [] };
    const recoveryAtMs = Date.now();
    const runs = await recover(home);
    const evidence = await digests(home.home);
    process.kill(owner.pid, 'SIGCONT');
    expect((await owner.ended).code).toBe(1);
    expect(errorOf(owner)).toContain('its lock taken away');
    expect(await digests(home.home)).toEqual(evidence);
    expect(await recover(home)).toEqual(runs);
    const found = await findAfter(home, runs);
    expect(violations({ atCrash, ...found, runs, recoveryAtMs, cleanMs: 0 })).toEqual([]);
  });
});

/** Waits until every thread of it is stopped. */
async function asleep(owner: CrashProcess): Promise<void> {
  await owner.said('stopping');
  for (;;) {
    const status = await readFile(`/proc/${owner.pid}/status`, 'utf8');
    if (/^State:\s+T/m.test(status)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What nobody should do, and somebody will. */
async function rob({ home }: CrashHome): Promise<void> {
  for (const name of ['lock', 'lock.json']) await rm(join(home, name), { force: true });
}

async function recover(home: CrashHome): Promise<readonly DumpedRun[]> {
  const recovery = home.start({ do: 'recover' });
  expect(await recovery.ended, errorOf(recovery)).toMatchObject({ code: 0 });
  return (await recovery.said('dump')).runs;
}

function errorOf({ events, output }: CrashProcess): string {
  return `${events.flatMap((event) => (event.type === 'error' ? event.text : [])).join('\n')} ${output()}`;
}

/** Every file of every run's evidence, so that not a byte of it may change. */
async function digests(home: string): Promise<Record<string, string>> {
  const folder = join(home, 'runs');
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile())
      found[path] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
  }
  return found;
}
