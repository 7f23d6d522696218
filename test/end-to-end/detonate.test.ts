import { cp, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readTrustedKeys, STREAM_NAMES, type TrustedKeys, verifyBundle } from '../../orchestrator/evidence/index.ts';
import { OPERATIONS } from '../../orchestrator/operations/index.ts';
import { buildTimeline, writeTimeline } from '../../orchestrator/report/index.ts';
import { RunSummary } from '../../orchestrator/run/summary.ts';
import { burnbag, type Ended, parseDocument } from '../support/burnbag.ts';
import { leftovers } from '../support/census.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';
import { portsOf } from '../support/receipt.ts';

/*
 * The README's first command, as a user starts it: one detonation of a script that prints, writes a file and tries to call home; then
 * everything a user can ask about it, everything a forger could change in it, and everything that must not be left of it.
 */
const SCRIPT = `#!/bin/sh
echo "hello from $(id -un)"
echo kept >kept.txt
wget -q -T 2 -O - http://198.51.100.7/x || echo "no way out"
exit 0
`;
const RUN_LIMIT_MS = 300_000;
vi.setConfig({ testTimeout: RUN_LIMIT_MS, hookTimeout: RUN_LIMIT_MS });

let place: TestHome;
let ended: Ended;
let run: RunSummary;
let bundle: string;
beforeAll(async () => {
  place = await makeTestHome();
  ended = await burnbag(place, ['detonate', await place.write('call-home.sh', SCRIPT), '--json']);
  run = RunSummary.parse(parseDocument(ended));
  bundle = join(place.home, 'runs', run.run_id);
});
afterAll(() => place[Symbol.asyncDispose]());

describe('a detonation', () => {
  test('exits 0, prints one document that follows its schema, and nothing else', () => {
    expect(ended).toMatchObject({ exitCode: 0, signal: null, stderr: '' });
    expect(run).toMatchObject({ state: 'destroyed', outcome: 'succeeded', engine: 'embedded', profile: 'detonation' });
    expect(run.result?.failures).toEqual([]);
    expect(run.result?.phases.map(({ phase }) => phase)).toEqual(['provisioned', 'executed', 'sealed', 'burned']);
    expect(run.result?.first_output_ms).toBeGreaterThan(0);
  });

  test('tells what the script printed and what it did', () => {
    const script = run.result?.answers.find((answer) => answer.status === 'ok' && answer.action === 'run_script');
    expect(script).toMatchObject({ result: { exit_code: 0, stdout: { data: 'hello from detonate\nno way out\n' } } });
    const report = run.result?.report;
    const [root] = report?.processes ?? [];
    expect(root).toMatchObject({ parent: null, uid: 2002 });
    const child = report?.processes.find(({ programs }) => programs.some(({ argv }) => argv[0] === 'wget'));
    expect(child?.parent).toBe(root?.id);
    expect(report?.connections).toMatchObject([
      { process: child?.id, address: '198.51.100.7', port: 80, result: 'ENETUNREACH', possible: false },
    ]);
    expect(report?.counts).toMatchObject({ connections_tried: 1, connections_possible: 0 });
    expect(report?.files).toContainEqual(
      expect.objectContaining({ path: '/work/job/kept.txt', changes: ['created'] as unknown }),
    );
  });

  test('is sealed whole, under a lock nobody can shorten', () => {
    expect(run.result?.evidence).toMatchObject({ folder: bundle, verdict: 'complete', findings: [] });
    const archive = run.result?.evidence?.archive;
    expect(archive).toMatchObject({ lock: 'strict', mode: 'COMPLIANCE' });
    expect(Date.parse(archive?.retain_until ?? '')).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  });

  test('is burned: every id proven gone, the receipt signed and archived', () => {
    const burn = run.result?.burn;
    expect(burn).toMatchObject({ not_gone: [], receipt: 'receipt.json', receipt_archived: true });
    expect(burn?.gone).toBe(burn?.ids);
    expect(burn?.ids).toBeGreaterThanOrEqual(8);
  });

  test('leaves no process, port, file, socket, stack or lock', async () => {
    const ports = [...(await portsOf(bundle)), Number(new URL(run.result?.evidence?.archive?.endpoint ?? '').port)];
    // The archive's, and the sandbox's where it is reached over loopback.
    expect(ports.length).toBeGreaterThanOrEqual(1);
    expect(await leftovers(place, ports)).toEqual([]);
  });
});

describe('verify', () => {
  test('accepts the bundle', async () => {
    const verified = await burnbag(place, ['verify', run.run_id, '--json']);
    expect(verified.exitCode).toBe(0);
    const found = OPERATIONS.verify.result.parse(parseDocument(verified));
    expect(found).toMatchObject({ verdict: 'verified', first_failure: null, completeness: 'complete' });
    const others = found.checks.filter(({ status }) => status !== 'ok').map(({ code, detail }) => [code, detail]);
    expect(others).toEqual([
      ['timestamp', 'no timestamp was asked for'],
      ['timestamp_authority', 'so there is no authority of one'],
    ]);
  });

  test('refuses it after one byte of any file changed', async () => {
    const trust = await readTrustedKeys(place.home);
    const copy = join(place.scripts, 'copy');
    await cp(bundle, copy, { recursive: true });
    expect((await verifyBundle(copy, { trust })).verdict).toBe('verified');
    const names = await readdir(copy);
    expect(names.length).toBeGreaterThanOrEqual(14);
    for (const name of names) expect(await unnoticedChanges(copy, name, trust)).toEqual([]);
    await rm(copy, { recursive: true });
  });

  test('says so with an exit code of its own', async () => {
    const copy = join(place.scripts, 'forged');
    await cp(bundle, copy, { recursive: true });
    const restore = await flipByte(join(copy, 'report.json'), 0);
    const keys = ['--evidence-key', join(copy, 'evidence.pub'), '--receipt-key', join(copy, 'receipt.pub')];
    expect((await burnbag(place, ['verify', copy, ...keys])).exitCode).toBe(81);
    await restore();
    expect((await burnbag(place, ['verify', copy, ...keys])).exitCode).toBe(0);
    await rm(copy, { recursive: true });
  });
});

describe('afterwards', () => {
  test('runs and show tell the same', async () => {
    const listed = await burnbag(place, ['runs', '--json']);
    const row = RunSummary.omit({ result: true }).strip().parse(run);
    expect(OPERATIONS.runs.result.parse(parseDocument(listed))).toEqual({
      schema: 'burnbag.runs/1',
      runs: [{ ...row, evidence_pending: false }],
    });
    const shown = await burnbag(place, ['show', run.run_id.slice(0, 6), '--json']);
    expect(RunSummary.parse(parseDocument(shown))).toEqual(run);
    expect((await burnbag(place, ['runs'])).stdout).toContain(run.run_id);
    const { stdout } = await burnbag(place, ['show', run.run_id]);
    expect(stdout).toContain('198.51.100.7:80  no route out (ENETUNREACH)');
    expect(stdout).toContain(`burnbag verify ${run.run_id}`);
  });

  test.each([
    ['sshd', 'Accepted publickey for agent-runner'],
    ['executor', '"event":"session_closed"'],
    ['audit', 'type=SYSCALL'],
    ['relay', 'run_script'],
    ['engine', 'burnbag:local:Machine'],
    ['provider', '"call":"create","resource":"burnbag:local:Machine"'],
    ['console', 'BURNBAG READY machine='],
    ['audit_file', 'type=SYSCALL'],
    ['arrivals', '"event":"closed"'],
  ])('logs shows the %s stream', async (stream, text) => {
    const [plain, json] = [await logs(stream), await logs(stream, '--json')];
    expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
    expect(plain.stdout).toContain(text);
    const document = OPERATIONS.logs.result.parse(parseDocument(json));
    expect(document).toMatchObject({ run_id: run.run_id, stream, truncated: false });
    expect(document.text).toBe(await readFile(document.file, 'utf8'));
    expect(STREAM_NAMES).toContain(stream);
  });

  test('logs shows the capture and the timeline for people, and the timeline follows from the rest of the bundle', async () => {
    const [frames, timeline] = [await logs('capture'), await logs('timeline')];
    expect(frames.stdout).toMatch(/from relay {2}tcp {2}10\.0\.2\.2:\d+ → 10\.0\.2\.15:22 {2}syn/);
    expect(frames.stdout).toContain(', 0 of them are not kept');
    expect(timeline.stdout).toMatch(/guest {3}audit {5}execve {2}#2 {2}pid \d+ {2}wget /);
    const built = writeTimeline(await buildTimeline(bundle, run.run_id));
    expect(await readFile(join(bundle, 'timeline.json'), 'utf8')).toBe(built);
  });

  test('nothing is left of all that either', async () => {
    expect(await leftovers(place)).toEqual([]);
  });
});

describe('the exit code', () => {
  test.each([
    ['1, for a script that fails', 'echo oops >&2\nexit 7\n', 60, 1, 'failed'],
    ['3, for a script that is still running at its deadline', 'sleep 300\n', 1, 3, 'timed_out'],
  ])('is %s', async (_what, script, seconds, exitCode, outcome) => {
    const file = await place.write('script.sh', `#!/bin/sh\n${script}`);
    const other = await burnbag(place, ['detonate', file, '--timeout', String(seconds), '--json']);
    expect(other.exitCode).toBe(exitCode);
    const told = RunSummary.parse(parseDocument(other));
    expect(told).toMatchObject({ state: 'destroyed', outcome, result: { evidence: { verdict: 'complete' } } });
    expect(await leftovers(place, await portsOf(join(place.home, 'runs', told.run_id)))).toEqual([]);
  });
});

function logs(stream: string, ...more: string[]): Promise<Ended> {
  return burnbag(place, ['logs', run.run_id, stream, ...more]);
}

/** Which of the first, middle and last byte of a file can be changed without the bundle being refused. */
async function unnoticedChanges(folder: string, name: string, trust: TrustedKeys): Promise<string[]> {
  const { length } = await readFile(join(folder, name));
  const unnoticed = [];
  for (const at of new Set([0, Math.floor(length / 2), length - 1])) {
    const restore = await flipByte(join(folder, name), at);
    if ((await verifyBundle(folder, { trust })).verdict !== 'refused') unnoticed.push(`${name} at ${at}`);
    await restore();
  }
  return unnoticed;
}

/** Changes one bit of one byte; what comes back changes it again. */
async function flipByte(file: string, at: number): Promise<() => Promise<void>> {
  const flip = async (): Promise<void> => {
    await using handle = await open(file, 'r+');
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
    await handle.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
  };
  await flip();
  return flip;
}
