import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHAIN_START } from '../../executor/protocol/index.ts';
import {
  type Archive,
  archiveRun,
  type CollectedStream,
  type KnownId,
  type LockVerdict,
  openBurnLog,
  openFileSigner,
  readTrustedKeys,
  type RunFacts,
  sealRun,
  signReceipt,
  type Signer,
  type StreamName,
  type TrustedKeys,
} from '../../orchestrator/evidence/index.ts';
import { ACTIONS, answer, GUEST_BEHIND_MS, healthAnswer, refusal, SCRIPT_PID, scriptAnswer, SHA } from './answers.ts';
import { chainRelay, FETCHED, sha256, STARTED_MS } from './arrivals.ts';
import { contentsOf, type TestStreams } from './contents.ts';
import { providerLog } from './control-plane.ts';
import { proof } from './proof.ts';

export type { TestStreams };

/** A run that exists only in tests. */
export const RUN_ID = '7f3a91c0de42';
const MACHINE_ID = '6f9619ff-8b86-4011-b42d-00cf4fc964ff';
const SERIAL = '12297829382473034410';

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

/** Serial of the login that fetches the guest's own log. */
const READER_SERIAL = '5';

/** The streams of a run whose witnesses agree: a file put, a script run, a request refused, health asked for, and the log fetched. */
export function agreeingStreams(runId = RUN_ID): TestStreams {
  const answers = [answer(1), scriptAnswer(2), refusal(3), healthAnswer(4)];
  const requests = ACTIONS.map((action, index) =>
    JSON.stringify({ id: index + 1, task_id: 'task-1', action, args: {} }),
  );
  const audit = auditLog();
  return {
    executor: executorLog(runId, requests, answers),
    relay: relayLog(requests, answers),
    sshd: [SERIAL, READER_SERIAL].map((serial, index) => loginLine(serial, index)),
    audit,
    audit_file: audit.filter((line) => !line.startsWith('type=EOE')),
    engine: chainRelay(
      [
        { sequence: 0, preludeEvent: {} },
        { sequence: 1, summaryEvent: {} },
      ].map((one) => JSON.stringify(one)),
    ),
    provider: providerLog(MACHINE_ID),
    console: ['BURNBAG READY machine=… uptime=4.2 hostkey=ssh-ed25519 AAAA'],
  };
}

/** auditd's start, the script's program, a fork of it, and the login that fetches the log. */
export function auditLog(): string[] {
  const event = (serial: number, ...records: string[]) =>
    [...records, 'EOE'].map((record) =>
      record.replace(/^(\w+) ?/, `type=$1 msg=audit(1790000000.${200 + serial}:${serial}): `),
    );
  const call = (pid: number, uid: number, key: string) =>
    `SYSCALL arch=c000003e syscall=59 success=yes exit=0 items=2 ppid=1 pid=${pid} auid=4294967295 uid=${uid} gid=${uid} comm="x" key="${key}"`;
  return [
    'type=DAEMON_START msg=audit(1790000000.100:2577): op=start ver=4.0.2 res=success',
    ...event(2, 'MAC_MAP_ADD netlabel: auid=0'),
    ...event(3, call(SCRIPT_PID, 2002, 'exec'), 'EXECVE argc=1 a0="id"'),
    ...event(4, call(SCRIPT_PID, 2002, 'fork')),
    ...event(5, call(SCRIPT_PID + 1, 2001, 'exec'), 'EXECVE argc=1 a0="tail"'),
  ];
}

function loginLine(serial: string, index: number): string {
  const who = index === 0 ? 'agent-runner' : 'audit-reader';
  const fingerprint = 'SHA256:VLr5G6ilCrqYPkxAmykb08Tt7EFf1wsGljPPAXmJM2M';
  return `Nov 23 09:05:5${index} sandbox auth.info sshd-session[18${index}]: Accepted publickey for ${who} from 10.0.2.2 port 5506${index} ssh2: ED25519-CERT ${fingerprint} ID run=x (serial ${serial}) CA ED25519 ${fingerprint}`;
}

/** Chains records as the executor does: numbers, and the SHA-256 of the line before. */
export function chain(
  records: readonly object[],
  session = '0123456789abcdef',
  times: readonly number[] = [],
): string[] {
  let prev = CHAIN_START;
  return records.map((record, index) => {
    const at_ms = times[index] ?? guestTime(record, index);
    const line = JSON.stringify({ seq: index + 1, at_ms, prev, session, ...record });
    prev = sha256(line);
    return line;
  });
}

/** On the guest's clock: an action's records lie 2 and 4 ms after its request. */
function guestTime(record: object, index: number): number {
  const id = 'request_id' in record && typeof record.request_id === 'number' ? record.request_id : undefined;
  const isEnd = 'event' in record && record.event === 'action_ended';
  return STARTED_MS - GUEST_BEHIND_MS + (id === undefined ? index : 8 * id + (isEnd ? 4 : 2));
}

function executorLog(runId: string, requests: readonly string[], answers: readonly string[]): string[] {
  const task = { run_id: runId, task_id: 'task-1' };
  const lineOf = (id: number) => sha256(requests[id - 1] ?? '');
  const carriedOut = (request_id: number, rest = {}) => {
    const common = { ...task, request_id, action: ACTIONS[request_id - 1], targets: [] };
    const ended = { status: 'ok', duration_ms: 1, answer_sha256: sha256(answers[request_id - 1] ?? ''), ...rest };
    return [
      { ...common, event: 'action_started', line_sha256: lineOf(request_id) },
      { ...common, event: 'action_ended', ...ended },
    ];
  };
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
    ...carriedOut(1),
    ...carriedOut(2, { pid: SCRIPT_PID, exit_code: 0 }),
    { ...task, event: 'refused', request_id: 3, code: 'PATH_NOT_GRANTED', line_sha256: lineOf(3) },
    ...carriedOut(4),
    { ...task, event: 'session_closed', reason: 'end_of_input', answered: 4 },
  ]);
}

/** Each request is sent, taken up, done and answered within eight milliseconds: executor records lie between the relay's. */
function relayLog(requests: readonly string[], answers: readonly string[]): string[] {
  const talk = requests.flatMap((request, index) => [
    lineRecord('request', request),
    lineRecord('answer', answers[index] ?? ''),
  ]);
  const sum = (lines: readonly string[]) => lines.reduce((all, line) => all + Buffer.byteLength(line) + 1, 0);
  const session = [
    { event: 'connected', host_key: 'ssh-ed25519 AAAA', serial: SERIAL, key_id: 'key', handshake_ms: 700 },
    ...talk,
    {
      event: 'ended',
      reason: 'closed',
      exit_code: 0,
      bytes_sent: sum(requests),
      bytes_received: sum(answers),
      stderr: '',
      stderr_bytes: 0,
      error_code: null,
    },
  ];
  const fetching = [
    { event: 'log_connected', log: 'audit', serial: READER_SERIAL, key_id: 'key', handshake_ms: 700 },
    { event: 'log_fetched', log: 'audit', reason: 'complete', bytes: 1, sha256: FETCHED },
  ];
  const lines = [session, fetching].flatMap((records) =>
    records.map((record, index) => JSON.stringify({ seq: index + 1, at_ms: relayTime(index), ...record })),
  );
  return chainRelay(lines);
}

/** Session open and closed; each request 8 ms after the one before, answered 6 ms later. */
function relayTime(index: number): number {
  return STARTED_MS + (index === 0 ? 0 : 8 * Math.ceil(index / 2) + (index % 2 === 0 ? 6 : 0));
}

function lineRecord(event: 'request' | 'answer', line: string) {
  return { event, bytes: Buffer.byteLength(line), sha256: sha256(line), line };
}

/** Writes streams to files outside the bundle and says how they ended. */
export async function writeStreams(folder: string, streams: TestStreams): Promise<CollectedStream[]> {
  await mkdir(folder, { recursive: true });
  const ended = { how: 'collected', at: '2026-11-23T08:00:00.000Z' } as const;
  return Promise.all(
    Object.entries(contentsOf(streams)).map(async ([stream, content]) => {
      const source = join(folder, stream);
      await writeFile(source, content);
      return { stream: stream as StreamName, source, ended };
    }),
  );
}

/** The ids that the test's run had. */
export const KNOWN_IDS = [
  { kind: 'process', id: '4242' },
  { kind: 'disk', id: '/x/scratch.img' },
] as const;

/** A sealed bundle in a folder of its own. */
export async function sealedBundle(
  keys: TestKeys,
  name: string,
  changes: { streams?: TestStreams; run?: Partial<RunFacts>; ids?: readonly KnownId[] } = {},
) {
  const dir = join(keys.home, 'runs', name);
  await mkdir(dir, { recursive: true });
  const run = runFacts(changes.run);
  const streams = await writeStreams(join(keys.home, 'live', name), changes.streams ?? agreeingStreams(run.run_id));
  const files = [{ name: 'report.json', content: '{"verdict":"nothing seen"}\n' }];
  const seal = await sealRun({
    dir,
    run,
    streams,
    ids: changes.ids ?? [],
    files,
    archive: null,
    signer: keys.evidence,
  });
  return { dir, run, seal };
}

/** A sealed, archived and burned one. */
export async function burnedBundle(
  keys: TestKeys,
  archive: Archive,
  name: string,
  run: Partial<RunFacts> = {},
  { lock = 'strict', stamp }: { lock?: LockVerdict; stamp?: (dir: string) => Promise<unknown> } = {},
) {
  const sealed = await sealedBundle(keys, name, { run, ids: KNOWN_IDS });
  await stamp?.(sealed.dir);
  const facts = { lock, probed_at: '2026-11-23T08:00:00.000Z' } as const;
  await archiveRun({ dir: sealed.dir, publicKey: keys.evidence.publicKey, archive, facts });
  const log = openBurnLog(sealed.dir);
  for (const sequence of [0, 1]) log.append({ sequence, resourcePreEvent: { op: 'delete' } });
  log.close();
  const receipt = await signReceipt({
    dir: sealed.dir,
    run: sealed.run,
    ids: KNOWN_IDS.map(({ kind, id }) => proof(kind, id)),
    signer: keys.receipt,
  });
  return { ...sealed, receipt };
}
