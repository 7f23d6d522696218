import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newDatabase, startPostgres } from '../../orchestrator/run/journal/postgres-for-tests.ts';
import type { DumpedRun } from '../support/crash-plan.ts';
import { scan } from '../support/scanner.ts';
import { findAfter } from './found.ts';
import { violations } from './invariants.ts';
import { type CrashHome, type CrashPlace, type CrashProcess, openCrashPlace } from './place.ts';

/*
 * Two orchestrators, each with a data directory of its own, on one journal: many runs at once, one killed in the middle. What is the other's
 * is never moved, halted, collected or burned; what is one's own is taken up by whoever next has the data directory.
 */

const postgres = await startPostgres();
if (postgres === undefined)
  process.stderr.write('NOT RUN with two data directories: Debian’s postgresql package is not installed here\n');

const HANG = { at: 'before_effect', how: 'hang' } as const;
/** Runs that hang, and runs that end, side by side in one data directory. */
const HANGING = 3;
const ENDING = 5;

let place: CrashPlace;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

describe.skipIf(postgres === undefined)('two data directories on one journal', { timeout: 300_000 }, () => {
  test('never touch the same run, when one of them is killed and the other sweeps', async () => {
    const databaseUrl = await newDatabase(postgres, 'two_homes');
    const limits = { runs: HANGING + ENDING };
    await using left = await place.newHome({ databaseUrl, limits });
    await using right = await place.newHome({ databaseUrl, limits });

    const [leftHanging, rightEnding] = await Promise.all([hang(left), detonations(right, ENDING)]);
    const machines = await machinesOf(left);
    expect(machines.length).toBe(HANGING);
    // The owner first: then nobody is left to tell that the callers went.
    for (const { pid } of leftHanging) process.kill(pid, 'SIGKILL');
    await Promise.all(leftHanging.map(({ ended }) => ended));
    expect(await Promise.all(rightEnding.map(async ({ ended }) => (await ended).code))).toEqual(zeros(ENDING));

    // The right one sweeps, opens and cancels, and nothing of the left one is touched.
    const before = await recover(right);
    const abandoned = runsOf(left, before);
    // Logged in; whether that is journalled by now is left to chance.
    for (const { state } of abandoned) expect(state).toMatch(/^(ready|executing)$/);
    expect(abandoned.length).toBe(HANGING);
    const [one] = await detonations(right, 1);
    expect((await one?.ended)?.code).toBe(0);
    const cancelled = right.start({ do: 'cli', argv: ['cancel', abandoned[0]?.runId ?? ''] });
    expect((await cancelled.ended).code).toBe(75);
    expect(cancelled.output()).toContain('held_elsewhere');
    expect(runsOf(left, await recover(right))).toEqual(abandoned);
    expect(await machinesOf(left)).toEqual(machines);

    // The left one comes back while the right one works, and burns its own and nothing else.
    const rightHanging = await hang(right);
    const busy = await machinesOf(right);
    const leftRecoveryAtMs = Date.now();
    const own = runsOf(left, await recover(left));
    expect(own.map(({ state, outcome }) => `${state} ${String(outcome)}`)).toEqual(
      own.map(() => 'destroyed interrupted'),
    );
    expect(await machinesOf(right)).toEqual(busy);
    for (const { pid } of rightHanging.toReversed()) process.kill(pid, 'SIGINT');
    expect(await Promise.all(rightHanging.map(async ({ ended }) => (await ended).code))).toEqual(
      Array.from(rightHanging, () => 4),
    );

    // Each run kept every promise, as its own data directory has it.
    const all = await recover(left);
    expect(all.length).toBe(2 * HANGING + ENDING + 1);
    // Nobody recovered the right one: what its scripts did until now is as it should be.
    const recovered = [
      [left, leftRecoveryAtMs],
      [right, Date.now()],
    ] as const;
    for (const [home, recoveryAtMs] of recovered) {
      const runs = runsOf(home, all);
      const found = await findAfter(home, runs);
      const atCrash = { remnants: [], receipts: [] };
      expect(violations({ atCrash, ...found, runs, recoveryAtMs, cleanMs: 0 })).toEqual([]);
    }
  });
});

const zeros = (count: number): readonly number[] => Array.from({ length: count }, () => 0);

/** Starts so many commands at once, as users do: the first that comes has the data directory and conducts the runs of all. */
async function detonations(home: CrashHome, count: number, machine?: typeof HANG): Promise<readonly CrashProcess[]> {
  const script = join(home.home, 'script.sh');
  await writeFile(script, '#!/bin/sh\nid\n');
  return Array.from({ length: count }, () =>
    home.start({ do: 'cli', argv: ['detonate', script], ...(machine !== undefined && { machine }) }),
  );
}

/** Starts commands whose scripts hang, and waits until all of them do; the one that has the data directory comes first. */
async function hang(home: CrashHome): Promise<readonly CrashProcess[]> {
  const logins = async (): Promise<number> => (await home.readLedger()).filter(({ what }) => what === 'login').length;
  const before = await logins();
  const started = [...(await detonations(home, 1, HANG))];
  await eventually(started, async () => (await logins()) === before + 1);
  started.push(...(await detonations(home, HANGING - 1, HANG)));
  await eventually(started, async () => (await logins()) === before + HANGING);
  return started;
}

/** Waits until it is so; one of the processes that ends before breaks it at once. */
async function eventually(processes: readonly CrashProcess[], isSo: () => Promise<boolean>): Promise<void> {
  const over = new AbortController();
  const ended = Promise.race(processes.map(async (one) => `${JSON.stringify(await one.ended)}: ${one.output()}`));
  void ended.then(() => {
    over.abort();
  });
  const deadline = performance.now() + EVENTUALLY_MS;
  while (!(await isSo())) {
    if (over.signal.aborted) throw new Error(`expected all to hang, one ended: ${await ended}`);
    if (performance.now() > deadline)
      throw new Error(
        `expected it within ${EVENTUALLY_MS / 1000} s, got ${processes.map((one) => one.output()).join('\n')}`,
      );
    await sleep(50);
  }
}

/** A dozen processes start on a machine as busy as it may be. */
const EVENTUALLY_MS = 120_000;

async function machinesOf({ home }: CrashHome): Promise<readonly unknown[]> {
  const found = await scan(home);
  return found.filter(({ kind, what }) => kind === 'process' && what.includes('fake-machine')).map(({ pid }) => pid);
}

/** Those whose manifest names paths of that data directory. */
function runsOf({ home }: CrashHome, runs: readonly DumpedRun[]): readonly DumpedRun[] {
  return runs.filter(({ ids }) => ids.some(({ id }) => id.startsWith(`${home}/`)));
}

/** Sweeps, and says what the whole journal has then. */
async function recover(home: CrashHome): Promise<readonly DumpedRun[]> {
  const recovery = home.start({ do: 'recover' });
  const { code } = await recovery.ended;
  expect(code, recovery.output()).toBe(0);
  return (await recovery.said('dump')).runs;
}
