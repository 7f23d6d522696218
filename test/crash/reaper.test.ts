import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SweepReport } from '../../orchestrator/run/reap/report.ts';
import type { CrashPlan } from '../support/crash-plan.ts';
import { scan } from '../support/scanner.ts';
import { until } from '../support/until.ts';
import { type CrashHome, type CrashPlace, type CrashProcess, openCrashPlace } from './place.ts';
import { asleep } from './sleeper.ts';

/*
 * The reaper through its own command, on what nobody cares for any more: machines, files and stacks that a journal calls gone or never knew.
 * Without a grace, everything is old enough.
 */

const UNKNOWN = ['aaaaaaaaaaa1', 'aaaaaaaaaaa2', 'aaaaaaaaaaa3'] as const;

let place: CrashPlace;
let home: CrashHome;
const bearers: { end(): Promise<void> }[] = [];
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(async () => {
  home = await place.newHome();
});
afterEach(async () => {
  for (const bearer of bearers.splice(0)) await bearer.end();
  await home[Symbol.asyncDispose]();
});

describe('a sweep', () => {
  test('of a clean data directory finds nothing, and says so', async () => {
    const { report, code } = await reap();
    expect(code).toBe(0);
    expect(report).toMatchObject({ as: 'owner', clean: true, runs: [], quarantined: [] });
  });

  test('burns what the journal calls gone: machine, files, stack; a dry run only says so', async () => {
    const runId = await burnedRun();
    const pid = await startBearer(runId);
    process.kill(pid, 'SIGSTOP');
    await leaveFiles(runId);
    const before = await scan(home.home);
    expect(new Set(before.map(({ kind }) => kind))).toEqual(new Set(['process', 'file', 'stack']));
    const dry = await reap(['--dry-run']);
    expect(dry.report.runs).toMatchObject([{ run_id: runId, state: 'destroyed', did: 'would_burn' }]);
    expect(await scan(home.home)).toEqual(before);
    const { report, code } = await reap();
    expect(report.runs).toMatchObject([{ run_id: runId, did: 'burned' }]);
    expect([code, report.clean]).toEqual([0, true]);
    expect(await scan(home.home)).toEqual([]);
    expect(await readFile(join(home.home, 'reaper.ndjson'), 'utf8')).toContain(runId);
    expect((await reap()).report.runs).toEqual([]);
  });

  test('leaves what nobody knows while it is young, burns it when it is old, and never more than it may', async () => {
    for (const runId of UNKNOWN) await startBearer(runId);
    const young = await reap();
    expect(young.report.runs.map(({ did }) => did)).toEqual(['left', 'left', 'left']);
    expect((await scan(home.home)).filter(({ kind }) => kind === 'process')).toHaveLength(0);
    expect(await aliveBearers()).toBe(3);
    const { report, code } = await reap(['--most', '2', '--grace', '0']);
    expect(report.runs.map(({ did }) => did).toSorted()).toEqual(['burned', 'burned', 'left']);
    expect(code).toBe(80);
    expect(await aliveBearers()).toBe(1);
    expect((await reap(['--grace', '0'])).code).toBe(0);
    expect(await aliveBearers()).toBe(0);
  });

  test('leaves untouched what only looks like ours', async () => {
    const [runId] = UNKNOWN;
    await startBearer(runId, { label: `burnbag-0123456789ab-${runId}` });
    await startBearer(runId, { label: `${labelOf(runId)}0` });
    await startBearer(runId, { label: `x${labelOf(runId)}` });
    if (process.getuid?.() === 0) await startBearer(runId, { uid: 65_533 });
    const notes = join(home.home, 'live', 'notes');
    await mkdir(notes, { recursive: true });
    const { report } = await reap(['--grace', '0']);
    expect(report.runs).toEqual([]);
    expect(await aliveBearers()).toBe(bearers.length);
    expect((await scan(home.home)).map(({ what }) => what)).toEqual([notes]);
  });

  test('burns everything of ours although the journal cannot be opened, when it is told to', async () => {
    await startBearer(UNKNOWN[0]);
    await writeFile(join(home.home, 'journal/global/pg_control'), 'not a database');
    expect((await reapFailing()).code).toBe('journal_unreadable');
    const { report, code } = await reap(['--without-journal']);
    expect(report.runs).toMatchObject([{ run_id: UNKNOWN[0], state: null, did: 'burned' }]);
    expect([code, await aliveBearers()]).toEqual([0, 0]);
  });
});

describe('a sweep while another process has the data directory', () => {
  test('is made by that process, which leaves its own run alone', async () => {
    const owner = home.start({ do: 'run', control: true, machine: { at: 'before_effect', how: 'hang' } });
    const { runId } = await owner.said('run');
    await untilExecuting();
    await startBearer(UNKNOWN[0]);
    const young = await reap();
    expect(young.report).toMatchObject({ as: 'owner', runs: [{ run_id: UNKNOWN[0], did: 'left' }] });
    const lives = await scan(home.home);
    // The owner reads what its machine writes, so it is one of them.
    const others = lives.filter(({ kind, run, pid }) => kind === 'process' && run === runId && pid !== owner.pid);
    expect(others).toHaveLength(1);
    process.kill(owner.pid, 'SIGKILL');
    await owner.ended;
    expect((await reap(['--grace', '0'])).report.runs.map(({ did }) => did)).toEqual(['burned', 'burned']);
    expect(await scan(home.home)).toEqual([]);
  });

  test('that does not answer only reports, but ends a machine past its own deadline', async () => {
    const owner = home.start({ do: 'run', fault: { step: 'action_sent', when: 'after', how: 'stop' } });
    await asleep(owner);
    await startBearer(UNKNOWN[0], { words: ['-append', 'x burnbag.lifetime=0 y'] });
    const { report, code } = await reap();
    expect([code, report.as]).toEqual([75, 'bystander']);
    expect(report.runs.map(({ did }) => did)).toEqual(['left', 'left']);
    const late = await reap(['--grace', '0']);
    expect(late.report.runs.map(({ did }) => did).toSorted()).toEqual(['left', 'stopped']);
    expect(await aliveBearers()).toBe(0);
    process.kill(owner.pid, 'SIGCONT');
    await owner.ended;
    expect(owner.events.at(-1)).toMatchObject({ type: 'ended', state: 'destroyed', outcome: 'succeeded' });
    expect(await scan(home.home)).toEqual([]);
  });
});

test('a run that is not proven gone is quarantined: loud, tried again in time or at once, and then proven', async () => {
  const first = home.start({ do: 'run', fault: { step: 'action_sent', when: 'after', how: 'kill' } });
  const { runId } = await first.said('run');
  await first.ended;
  const guard = await startGuard(runId);
  const again = await reap();
  expect([again.code, again.report.quarantined]).toEqual([80, [runId]]);
  const listed = await cli(['runs', '--quarantined']);
  expect([listed.code, listed.text.includes(runId)]).toEqual([80, true]);
  expect(await metric('runs', 'burnbag_runs_quarantined')).toBe(1);
  expect(await metric('runs', 'burnbag_quarantined_oldest_timestamp_seconds')).toBeGreaterThan(1_700_000_000);
  // It holds no room that others would wait for, and says so.
  expect(await metric('runs', 'burnbag_sandboxes')).toBe(0);
  const patient = await reap(['--patient']);
  expect(patient.report.runs).toMatchObject([{ run_id: runId, did: 'left' }]);
  expect(patient.report.runs[0]?.why).toMatch(/tried again at/);
  await guard();
  const last = await reap();
  expect([last.code, last.report.runs.map(({ did, state }) => [did, state])]).toEqual([0, [['burned', 'destroyed']]]);
  expect(await scan(home.home)).toEqual([]);
  expect((await cli(['runs', '--quarantined'])).code).toBe(0);
  expect(await metric('runs', 'burnbag_runs_quarantined')).toBe(0);
  expect(await metric('reaper', 'burnbag_sweep_burned')).toBe(1);
});

test('watching, it burns what comes up, and lets others have the data directory in between', async () => {
  const watcher = home.start({ do: 'cli', argv: ['--json', 'reap', '--watch', '--every', '1', '--grace', '0'] });
  await startBearer(UNKNOWN[1]);
  await until(async () => (await aliveBearers()) === 0);
  await until(async () => (await cli(['runs'])).code === 0);
  process.kill(watcher.pid, 'SIGTERM');
  expect(await watcher.ended).toMatchObject({ code: 0, signal: null });
  expect(watcher.output()).toContain(UNKNOWN[1]);
});

test('the units it prints name this data directory', async () => {
  const { text } = await cli(['reap', '--systemd']);
  expect(text).toContain(`Environment="BURNBAG_HOME=${home.home}"`);
  expect(text).toMatch(/^ExecStart="\/.*\/burnbag" reap --patient$/m);
  expect(text).toMatch(/^WantedBy=timers\.target$/m);
});

/** A number out of a file of metrics. */
async function metric(file: string, name: string): Promise<number> {
  const text = await readFile(join(home.home, 'metrics', `${file}.prom`), 'utf8');
  return Number(new RegExp(`^${name} ([0-9.e+]+)$`, 'm').exec(text)?.[1]);
}

type Disturbed = Pick<CrashPlan, 'fault'>;

async function reap(words: readonly string[] = [], rest: Disturbed = {}) {
  const { text, code } = await cli(['--json', 'reap', ...words], rest);
  return { code, report: SweepReport.parse(JSON.parse(text)) };
}

async function reapFailing(): Promise<{ readonly code: string }> {
  return JSON.parse((await cli(['--json', 'reap'])).text) as { code: string };
}

async function cli(argv: readonly string[], rest: Disturbed = {}): Promise<{ text: string; code: number | null }> {
  const command: CrashProcess = home.start({ ...rest, do: 'cli', argv });
  const { code } = await command.ended;
  return { code, text: command.output() };
}

async function burnedRun(): Promise<string> {
  const run = home.start({ do: 'run' });
  const { runId } = await run.said('run');
  await run.ended;
  return runId;
}

async function leaveFiles(runId: string): Promise<void> {
  const [live, stacks] = [join(home.home, 'live', runId), join(home.home, 'state/.pulumi/stacks/burnbag')];
  await mkdir(live, { recursive: true });
  await mkdir(stacks, { recursive: true });
  await writeFile(join(live, 'console.log'), '');
  await writeFile(join(stacks, `run-${runId}.json`), '{}');
}

function labelOf(runId: string): string {
  return `burnbag-${createHash('sha256').update(home.home).digest('hex').slice(0, 12)}-${runId}`;
}

/** A process with a machine's label and nothing else of one. */
async function startBearer(
  runId: string,
  { label = labelOf(runId), uid, words = [] }: { label?: string; uid?: number; words?: readonly string[] } = {},
): Promise<number> {
  const child = spawn('/bin/sh', ['-c', 'echo; read line', 'sh', '-name', label, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(uid !== undefined && { uid, gid: uid }),
    cwd: '/',
    env: {},
  });
  const closed = once(child, 'close');
  bearers.push({
    async end() {
      child.kill('SIGKILL');
      await closed;
    },
  });
  alive.push(() => child.exitCode === null && child.signalCode === null);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

/** Something that starts a new machine whenever one is killed. Ends it all when it is called. */
async function startGuard(runId: string): Promise<() => Promise<void>> {
  const loop = 'trap exit TERM; while :; do /bin/sh -c "$1" sh -name "$2" <&3 & wait $!; done';
  const child = spawn('/bin/sh', ['-c', `exec 3<&0; ${loop}`, 'sh', 'echo; read line', labelOf(runId)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
    cwd: '/',
    env: {},
  });
  const closed = once(child, 'close');
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
    await closed;
  };
  bearers.push({ end });
  await once(child.stdout, 'data');
  return end;
}

const alive: (() => boolean)[] = [];
beforeEach(() => void alive.splice(0));

/** A child that was killed is known to be dead a moment later. */
async function aliveBearers(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return alive.filter((isAlive) => isAlive()).length;
}

/** The machine says so itself: a login in its ledger. */
async function untilExecuting(): Promise<void> {
  await until(async () => (await home.readLedger()).some(({ what }) => what === 'login'));
}
