import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { OPERATIONS } from '../../orchestrator/operations/index.ts';
import { openJournal, type RecordedAction } from '../../orchestrator/run/journal/index.ts';
import { RunSummary } from '../../orchestrator/run/summary.ts';
import { burnbag, eventually, parseDocument, type Running, startBurnbag } from '../support/burnbag.ts';
import { leftovers, processesOf } from '../support/census.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';
import { portsOf } from '../support/receipt.ts';

/*
 * Whatever happens while a script runs, its sandbox is burned: the user stops it, somebody else stops it, the archive dies, the
 * orchestrator itself is killed. One data directory, one boot each, one after the other.
 */
const LIMIT_MS = 300_000;
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let place: TestHome;
beforeAll(async () => {
  place = await makeTestHome();
});
afterAll(() => place[Symbol.asyncDispose]());

describe('a run that is stopped with Ctrl-C', () => {
  test('is collected, burned and told as cancelled; a second Ctrl-C changes nothing', async () => {
    const { running, runId } = await startSleeper(300);
    const during = (await leftovers(place)).join('\n');
    for (const what of ['qemu-system-x86_64', 'versitygw', `live/${runId}/scratch.img`, 'control.sock', 'lock: '])
      expect(during).toContain(what);
    running.interrupt();
    await eventually('it to say so', () => Promise.resolve(running.said().includes('stopping:') || undefined));
    running.interrupt();
    const { exitCode, stderr } = await running.ended;
    expect(stderr).toContain('still burning');
    expect(exitCode).toBe(4);
    await expectBurned(runId, 'cancelled');
  });
});

describe('a run whose reader goes away', () => {
  test('is burned all the same, and ends as it would have', async () => {
    const { running, runId } = await startSleeper(3);
    running.hangUp();
    expect((await running.ended).exitCode).toBe(0);
    await expectBurned(runId, 'succeeded');
  });
});

describe('while a run is under way, another process on the same data directory', () => {
  let running: Running;
  let runId: string;
  beforeAll(async () => {
    ({ running, runId } = await startSleeper(300));
  });

  test('is told about it', async () => {
    const { exitCode, stdout } = await burnbag(place, ['runs', '--json', '--limit', '1']);
    expect(exitCode).toBe(0);
    const { runs } = OPERATIONS.runs.result.parse(JSON.parse(stdout));
    expect(runs).toMatchObject([{ run_id: runId, state: 'executing', outcome: null }]);
  });

  test('has a run of its own conducted beside it', async () => {
    const second = await burnbag(place, ['detonate', await place.write('id.sh', '#!/bin/sh\nid\n'), '--json']);
    expect(RunSummary.parse(parseDocument(second))).toMatchObject({ state: 'destroyed', outcome: 'succeeded' });
    expect(second.exitCode).toBe(0);
    const { stdout } = await burnbag(place, ['show', runId, '--json']);
    expect(RunSummary.parse(JSON.parse(stdout))).toMatchObject({ state: 'executing' });
  });

  test('can cancel it, and is told when it is burned', async () => {
    const cancelled = await burnbag(place, ['cancel', runId, '--json']);
    expect(RunSummary.parse(parseDocument(cancelled))).toMatchObject({ state: 'destroyed', outcome: 'cancelled' });
    expect(cancelled.exitCode).toBe(0);
    expect((await running.ended).exitCode).toBe(4);
    await expectBurned(runId, 'cancelled');
  });

  test('cannot cancel it again', async () => {
    const again = await burnbag(place, ['cancel', runId, '--json']);
    expect(again.exitCode).toBe(64);
    expect(parseDocument(again)).toMatchObject({ code: 'not_running' });
  });
});

describe('a run whose archive dies under it', () => {
  test('is burned all the same, and its evidence is said to be pending', async () => {
    const { running, runId } = await startSleeper(3);
    const server = (await processesOf(place.home)).find(({ argv }) => argv[0]?.endsWith('versitygw') === true);
    process.kill(server?.pid ?? 0, 'SIGKILL');
    const { stderr } = await running.ended;
    expect(stderr).toContain('evidence pending: sealed here, not archived (unreachable');
    expect(stderr).toContain('receipt signed here, not archived');
    const run = await expectBurned(runId, 'succeeded');
    expect(run.result?.evidence).toMatchObject({ verdict: 'complete', archive: null });
    expect(run.result?.burn?.receipt_archived).toBe(false);
  });
});

describe('a run whose orchestrator is killed with SIGKILL', () => {
  test('loses its VM at once, is taken up by the next run that is asked for, and nothing of it is executed again', async () => {
    const { running, runId } = await startSleeper(300);
    running.kill('SIGKILL');
    await running.ended;
    await eventually('QEMU and the archive server to end with it', async () =>
      (await processesOf(place.home)).length === 0 ? true : undefined,
    );
    const { stdout } = await burnbag(place, ['runs', '--json', '--limit', '1']);
    expect(OPERATIONS.runs.result.parse(JSON.parse(stdout)).runs).toMatchObject([{ state: 'executing' }]);

    // Refused by policy, so nothing is booted; what was left is burned first.
    const next = await burnbag(place, ['detonate', await place.write('id.sh', '#!/bin/sh\nid\n'), '--ttl', '5']);
    expect(next.exitCode).toBe(77);
    expect(next.stderr).toContain(`run ${runId} was left executing by a process that ended: burning it`);

    const run = await expectBurned(runId, 'interrupted');
    expect(run.result?.answers).toEqual([]);
    const started = (await readFile(join(place.home, 'runs', runId, 'executor.ndjson'), 'utf8'))
      .split('\n')
      .filter((line) => line.includes('"action_started"') && line.includes('"run_script"'));
    expect(started).toHaveLength(1);
    const scripts = (await actionsOf(runId)).filter(({ action }) => action === 'run_script');
    expect(scripts.map(({ state }) => state)).toEqual(['journalled', 'sent']);
  });
});

/** Starts a script that sleeps, and waits until it does. */
async function startSleeper(seconds: number): Promise<{ running: Running; runId: string }> {
  const script = await place.write('sleeper.sh', `#!/bin/sh\necho asleep >asleep.txt\nsleep ${seconds}\n`);
  const running = startBurnbag(place, ['detonate', script, '--timeout', '600']);
  const live = join(place.home, 'live');
  let ended: unknown;
  void running.ended.then((end) => (ended = end));
  const runId = await eventually('the script to run', async () => {
    if (ended !== undefined) throw new Error(`expected a run under way, got ${JSON.stringify(ended)}`);
    const [name] = await readdir(live).catch((): string[] => []);
    const audit = await readFile(join(live, name ?? '', 'audit.log'), 'latin1').catch(() => '');
    return name !== undefined && audit.includes('asleep.txt') ? name : undefined;
  });
  return { running, runId };
}

/** What must hold of every run, however it went. */
async function expectBurned(runId: string, outcome: RunSummary['outcome']): Promise<RunSummary> {
  const bundle = join(place.home, 'runs', runId);
  expect(await leftovers(place, await portsOf(bundle))).toEqual([]);
  const run = RunSummary.parse(parseDocument(await burnbag(place, ['show', runId, '--json'])));
  expect(run).toMatchObject({ state: 'destroyed', outcome });
  expect(run.result?.burn).toMatchObject({ not_gone: [], receipt: 'receipt.json' });
  expect((await burnbag(place, ['verify', runId])).exitCode).toBe(0);
  return run;
}

async function actionsOf(runId: string): Promise<readonly RecordedAction[]> {
  await using journal = await openJournal({ home: place.home });
  return await journal.listActions(runId);
}
