import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHAIN_START } from '../../executor/protocol/index.ts';
import type { ConcreteId } from '../../infra/driver.ts';
import {
  type Archive,
  archiveRun,
  type BurnProof,
  type CollectedStream,
  openBurnLog,
  openFileSigner,
  readTrustedKeys,
  type RunFacts,
  sealRun,
  signReceipt,
  type Signer,
  type TrustedKeys,
} from '../../orchestrator/evidence/index.ts';

/** A run that exists only in tests. */
export const RUN_ID = '7f3a91c0de42';
const MACHINE_ID = '6f9619ff-8b86-4011-b42d-00cf4fc964ff';
const SERIAL = '12297829382473034410';
const SHA = 'ab'.repeat(32);

/** Keys in a data directory of their own. */
export interface TestKeys extends AsyncDisposable {
  readonly home: string;
  readonly evidence: Signer;
  readonly receipt: Signer;
  readonly trust: TrustedKeys;
}

export async function temporaryKeys(): Promise<TestKeys> {
  const home = await mkdtemp(join(tmpdir(), 'burnbag-bundle-'));
  const [evidence, receipt] = [await openFileSigner(home, 'evidence'), await openFileSigner(home, 'receipt')];
  const trust = await readTrustedKeys(home);
  return { home, evidence, receipt, trust, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) };
}

/** What a run's facts are unless a test says otherwise. */
export function runFacts(changes: Partial<RunFacts> = {}): RunFacts {
  return {
    run_id: RUN_ID,
    task_id: 'task-1',
    requester: 'test',
    profile: 'detonation',
    driver: 'local',
    engine: 'embedded',
    stack: `run-${RUN_ID}`,
    isolation: 'emulated',
    reach: 'wire',
    machine_network: 'own',
    machine_id: MACHINE_ID,
    image_digest: `sha256:${SHA}`,
    policy_sha256: SHA,
    certificate_serials: [SERIAL],
    outcome: 'succeeded',
    ...changes,
  };
}

/** The lines of each stream; a test changes them before they are written. */
export interface TestStreams {
  executor: string[];
  relay: string[];
  sshd: string[];
  audit: string[];
  engine: string[];
  console: string[];
}

/** The streams of a run whose witnesses agree: two requests carried out, one refused. */
export function agreeingStreams(runId = RUN_ID): TestStreams {
  const lines = { put: answer(1), refused: refusal(2), health: answer(3) };
  const requests = [1, 2, 3].map((id) => JSON.stringify({ id, task_id: 'task-1', action: 'put_file', args: {} }));
  return {
    executor: executorLog(runId, requests, [lines.put, lines.health]),
    relay: relayLog(requests, [lines.put, lines.refused, lines.health]),
    sshd: ['Accepted publickey for agent-runner from 10.0.2.2', 'Disconnected from user agent-runner'],
    audit: ['type=EXECVE msg=audit(1790000000.100:1): argc=1 a0="id"'],
    engine: [JSON.stringify({ sequence: 0, preludeEvent: {} }), JSON.stringify({ sequence: 1, summaryEvent: {} })],
    console: ['BURNBAG READY machine=… uptime=4.2 hostkey=ssh-ed25519 AAAA'],
  };
}

/** Chains records as the executor does: numbers, and the SHA-256 of the line before. */
export function chain(records: readonly object[], session = '0123456789abcdef'): string[] {
  let prev = CHAIN_START;
  return records.map((record, index) => {
    const line = JSON.stringify({ seq: index + 1, at_ms: 1_790_000_000_000 + index, prev, session, ...record });
    prev = sha256(line);
    return line;
  });
}

function executorLog(runId: string, requests: readonly string[], answers: readonly string[]): string[] {
  const task = { run_id: runId, task_id: 'task-1' };
  const lineOf = (id: number) => sha256(requests[id - 1] ?? '');
  const carriedOut = (request_id: number, answered = '') => [
    { ...task, event: 'action_started', request_id, action: 'put_file', targets: [], line_sha256: lineOf(request_id) },
    {
      ...task,
      event: 'action_ended',
      request_id,
      action: 'put_file',
      status: 'ok',
      duration_ms: 1,
      targets: [],
      answer_sha256: sha256(answered),
    },
  ];
  return chain([
    {
      ...task,
      event: 'session_open',
      requester: 'test',
      machine_id: MACHINE_ID,
      serial: SERIAL,
      key_id: `run=${runId}:task=task-1:grant=${SHA}`,
      grant_sha256: SHA,
      expires_at: 1_790_000_600,
      agent: { version: '0.1.0', pid: 100, uid: 2000 },
    },
    ...carriedOut(1, answers[0]),
    { ...task, event: 'refused', request_id: 2, code: 'PATH_NOT_GRANTED', line_sha256: lineOf(2) },
    ...carriedOut(3, answers[1]),
    { ...task, event: 'session_closed', reason: 'end_of_input', answered: 3 },
  ]);
}

function relayLog(requests: readonly string[], answers: readonly string[]): string[] {
  const talk = requests.flatMap((request, index) => [
    lineRecord('request', request),
    lineRecord('answer', answers[index] ?? ''),
  ]);
  const records = [
    { event: 'connected', host_key: 'ssh-ed25519 AAAA', serial: SERIAL, key_id: 'key', handshake_ms: 700 },
    ...talk,
    {
      event: 'ended',
      reason: 'closed',
      exit_code: 0,
      bytes_sent: 1,
      bytes_received: 1,
      stderr: '',
      stderr_bytes: 0,
      error_code: null,
    },
  ];
  return records.map((record, index) =>
    JSON.stringify({ seq: index + 1, at_ms: 1_790_000_000_000 + index, ...record }),
  );
}

function lineRecord(event: 'request' | 'answer', line: string) {
  return { event, bytes: Buffer.byteLength(line), sha256: sha256(line), line };
}

function answer(id: number): string {
  return JSON.stringify({
    id,
    status: 'ok',
    action: 'put_file',
    result: { path: '/work/in/x', bytes: 1, sha256: SHA },
    duration_ms: 1,
  });
}

function refusal(id: number): string {
  const error = {
    code: 'PATH_NOT_GRANTED',
    expected: 'a path of the grant',
    got: '/etc/shadow',
    hint: 'ask for what was granted',
  };
  return JSON.stringify({ id, status: 'refused', error });
}

/** Writes streams to files outside the bundle and says how they ended. */
export async function writeStreams(folder: string, streams: TestStreams): Promise<CollectedStream[]> {
  await mkdir(folder, { recursive: true });
  const ended = { how: 'collected', at: '2026-11-23T08:00:00.000Z' } as const;
  return Promise.all(
    Object.entries(streams).map(async ([stream, lines]: [string, string[]]) => {
      const source = join(folder, stream);
      await writeFile(source, lines.map((line) => `${line}\n`).join(''));
      return { stream: stream as keyof TestStreams, source, ended };
    }),
  );
}

/** A sealed bundle in a folder of its own. */
export async function sealedBundle(
  keys: TestKeys,
  name: string,
  changes: { streams?: TestStreams; run?: Partial<RunFacts> } = {},
) {
  const dir = join(keys.home, 'runs', name);
  await mkdir(dir, { recursive: true });
  const run = runFacts(changes.run);
  const streams = await writeStreams(join(keys.home, 'live', name), changes.streams ?? agreeingStreams(run.run_id));
  const files = [{ name: 'report.json', content: '{"verdict":"nothing seen"}\n' }];
  const seal = await sealRun({ dir, run, streams, files, archive: null, signer: keys.evidence });
  return { dir, run, seal };
}

/** A sealed, archived and burned one. */
export async function burnedBundle(keys: TestKeys, archive: Archive, name: string, run: Partial<RunFacts> = {}) {
  const sealed = await sealedBundle(keys, name, { run });
  const facts = { lock: 'strict', probed_at: '2026-11-23T08:00:00.000Z' } as const;
  await archiveRun({ dir: sealed.dir, publicKey: keys.evidence.publicKey, archive, facts });
  const log = openBurnLog(sealed.dir);
  for (const sequence of [0, 1]) log.append({ sequence, resourcePreEvent: { op: 'delete' } });
  log.close();
  const receipt = await signReceipt({
    dir: sealed.dir,
    run: sealed.run,
    ids: [proof('process', '4242'), proof('disk', '/x/scratch.img')],
    signer: keys.receipt,
  });
  return { ...sealed, receipt };
}

/** The proof that one id is gone: deleted, then looked for twice. */
export function proof(kind: ConcreteId['kind'], id: string): BurnProof {
  const target = { kind, id, detail: { label: 'test' } };
  const looks = ['2026-11-23T08:00:02.000Z', '2026-11-23T08:00:02.200Z'];
  return {
    target,
    deletion: { target, how: 'unlink', at: '2026-11-23T08:00:01.000Z' },
    observations: looks.map((at) => ({ state: 'gone', means: 'lstat: ENOENT', at })),
  };
}

/** A copy of a bundle, to be tampered with. */
export async function copyOf(dir: string): Promise<string> {
  const copy = await mkdtemp(`${dir}-copy-`);
  await cp(dir, copy, { recursive: true });
  return copy;
}

export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}
