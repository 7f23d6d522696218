import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RunSummary } from '../../orchestrator/run/summary.ts';
import { scan } from '../support/scanner.ts';
import { until } from '../support/until.ts';
import { type CrashHome, type CrashPlace, type CrashProcess, openCrashPlace } from './place.ts';

/*
 * Several processes that want runs on one data directory: the first has it, and conducts the runs of the others beside its own.
 */

const HANG = { at: 'before_effect', how: 'hang' } as const;

let place: CrashPlace;
let home: CrashHome;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(async () => {
  home = await place.newHome();
});
afterEach(() => home[Symbol.asyncDispose]());

test('a second process’s run is conducted by the first, which shows its own result and waits for the other', async () => {
  await using narrow = await place.newHome({ limits: { runs: 1 } });
  const first = await detonate(narrow);
  await until(async () => (await machines(narrow)) === 1);
  const second = await detonate(narrow, { words: [] });
  await until(() => Promise.resolve(second.output().includes('waits for room')));
  expect((await first.ended).code).toBe(0);
  expect((await second.ended).code).toBe(0);
  expect(summaryOf(first)).toMatchObject({ state: 'destroyed', outcome: 'succeeded' });
  expect(second.output()).toMatch(/Run [0-9a-f]{12}: succeeded, sandbox destroyed/);
  expect(await scan(narrow.home)).toEqual([]);
});

describe('of two runs that hang in one process', () => {
  let owner: CrashProcess;
  let guest: CrashProcess;
  beforeEach(async () => {
    owner = await detonate(home, { machine: HANG });
    await until(async () => (await machines(home)) === 1);
    guest = await detonate(home);
    await until(async () => (await logins()) === 2);
  });

  test('Ctrl-C ends the one whose caller pressed it, and the other when its own does', async () => {
    process.kill(guest.pid, 'SIGINT');
    expect((await guest.ended).code).toBe(4);
    expect(summaryOf(guest)).toMatchObject({ state: 'destroyed', outcome: 'cancelled' });
    expect(await machines(home)).toBe(1);
    process.kill(owner.pid, 'SIGINT');
    expect((await owner.ended).code).toBe(4);
    expect(await scan(home.home)).toEqual([]);
  });

  test('a third that comes when the owner is leaving waits for its place longer than for one that does not answer', async () => {
    process.kill(owner.pid, 'SIGINT');
    await until(() => Promise.resolve(owner.output().includes('{')));
    const third = await detonate(home, { words: [], patienceMs: 200 });
    await until(() => Promise.resolve(third.output().includes('waiting for its place')));
    const stopped = await detonate(home, { words: [] });
    await until(() => Promise.resolve(stopped.output().includes('waiting for its place')));
    process.kill(stopped.pid, 'SIGINT');
    expect((await stopped.ended).code, stopped.output()).toBe(4);
    const list = home.start({ do: 'cli', argv: ['--json', 'runs'] });
    expect((await list.ended).code, list.output()).toBe(0);
    process.kill(guest.pid, 'SIGINT');
    expect((await owner.ended).code).toBe(4);
    expect((await third.ended).code, third.output()).toBe(0);
    expect(third.output()).toMatch(/Run [0-9a-f]{12}: succeeded, sandbox destroyed/);
    expect(await scan(home.home)).toEqual([]);
  });

  test('the one whose caller is killed is cancelled', async () => {
    process.kill(guest.pid, 'SIGKILL');
    await until(async () => (await machines(home)) === 1);
    process.kill(owner.pid, 'SIGINT');
    expect((await owner.ended).code).toBe(4);
    expect(await scan(home.home)).toEqual([]);
  });

  test('both are burned by the second when the first is killed, and each caller that lives is told', async () => {
    process.kill(owner.pid, 'SIGKILL');
    expect((await guest.ended).code).toBe(5);
    expect(summaryOf(guest)).toMatchObject({ state: 'destroyed', outcome: 'interrupted' });
    expect(await home.start({ do: 'recover' }).ended).toMatchObject({ code: 0 });
    expect(await scan(home.home)).toEqual([]);
  });
});

/** Starts the command, as a user does. */
async function detonate(
  on: CrashHome,
  { machine, words = ['--json'], ...more }: { machine?: typeof HANG; words?: string[]; patienceMs?: number } = {},
): Promise<CrashProcess> {
  const script = join(on.home, 'script.sh');
  await writeFile(script, '#!/bin/sh\nid\n');
  return on.start({
    do: 'cli',
    argv: [...words, 'detonate', script],
    ...more,
    ...(machine !== undefined && { machine }),
  });
}

/** Its one document on stdout; what it said on stderr stands around it. */
function summaryOf(command: CrashProcess): RunSummary {
  const document = command
    .output()
    .split('\n')
    .find((line) => line.startsWith('{'));
  return RunSummary.parse(JSON.parse(document ?? ''));
}

async function machines({ home: folder }: CrashHome): Promise<number> {
  return (await scan(folder)).filter(({ kind, what }) => kind === 'process' && what.includes('fake-machine')).length;
}

async function logins(): Promise<number> {
  return (await home.readLedger()).filter(({ what }) => what === 'login').length;
}
