import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../../test/support/arrivals.ts';
import { agreeingStreams, chain, RUN_ID, type TestStreams } from '../../../test/support/bundle.ts';
import { STREAM_NAMES, STREAMS, type StreamEnd, type StreamName } from '../format/streams.ts';
import { type FindingCode, weigh } from '../format/findings.ts';
import { readBundle } from './read-bundle.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'burnbag-judge-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

interface Changes {
  readonly endings?: Partial<Record<StreamName, StreamEnd>>;
  /** Streams about which nothing is said. */
  readonly unlisted?: readonly StreamName[];
  /** Bytes after the last newline. */
  readonly tail?: Partial<Record<StreamName, string>>;
}

async function findings(
  streams: TestStreams,
  { endings = {}, unlisted = [], tail = {} }: Changes = {},
): Promise<string[]> {
  for (const name of STREAM_NAMES) {
    await writeFile(
      join(dir, STREAMS[name].file),
      (streams[name] ?? []).map((line) => `${line}\n`).join('') + (tail[name] ?? ''),
    );
  }
  const reading = await readBundle(
    dir,
    Object.values(STREAMS).map(({ file }) => file),
    RUN_ID,
  );
  const listed = STREAM_NAMES.filter((name) => !unlisted.includes(name));
  const at = '2026-11-23T08:00:00.000Z';
  const judged = reading.judge(new Map(listed.map((name) => [name, { how: endings[name] ?? 'collected', at }])));
  expect(weigh(judged.findings) === 'complete').toBe(judged.findings.length === 0);
  return [...new Set(judged.findings.map(({ code, stream }) => `${code} ${stream}`))];
}

/** The executor's chain, made anew after a change to its records, so that only the change shows. */
function rechain(
  lines: readonly string[],
  change: (records: Record<string, unknown>[]) => Record<string, unknown>[],
): string[] {
  const records = lines.map((line) => {
    const record = JSON.parse(line) as Record<string, unknown>;
    for (const key of ['seq', 'at_ms', 'prev', 'session']) Reflect.deleteProperty(record, key);
    return record;
  });
  return chain(change(records));
}

describe('evidence', () => {
  test('whose witnesses agree is complete', async () => {
    expect(await findings(agreeingStreams())).toEqual([]);
  });

  const cases: [string, FindingCode, StreamName, (streams: TestStreams) => Changes | undefined][] = [
    ['a record of the executor was dropped', 'chain_broken', 'executor', (s) => void s.executor.splice(3, 1)],
    [
      'a record of the executor was changed',
      'chain_broken',
      'executor',
      (s) => {
        edit(s.executor, 2, '"duration_ms":1', '"duration_ms":2');
      },
    ],
    [
      'records of the executor changed places',
      'chain_broken',
      'executor',
      (s) => void s.executor.splice(1, 2, ...s.executor.slice(1, 3).reverse()),
    ],
    [
      'a record was added after the end',
      'chain_broken',
      'executor',
      (s) => void s.executor.push(s.executor.at(-1) ?? ''),
    ],
    [
      'the executor’s log is not of this run',
      'other_run',
      'executor',
      (s) => void (s.executor = agreeingStreams('000000000000').executor),
    ],
    ['a record is no record', 'record_unreadable', 'executor', (s) => void s.executor.push('{"event":"unheard_of"}')],
    ['the executor has no session', 'session_not_recorded', 'executor', (s) => void (s.executor = [])],
    ['the executor did not end its session', 'session_not_closed', 'executor', (s) => void s.executor.pop()],
    [
      'the executor had a session of somebody else',
      'session_not_ours',
      'executor',
      (s) => void s.executor.push(...otherSession(s)),
    ],
    [
      'a request was not recorded',
      'request_not_recorded',
      'executor',
      (s) => void (s.executor = rechain(s.executor, (all) => all.filter((one) => one['request_id'] !== 3))),
    ],
    [
      'a request was recorded that was not sent',
      'request_not_sent',
      'executor',
      (s) => void (s.relay = renumber(s.relay.filter((line) => !line.includes('\\"id\\":3')))),
    ],
    [
      'an action has no end',
      'action_not_ended',
      'executor',
      (s) =>
        void (s.executor = rechain(s.executor, (all) =>
          all.filter((one) => one['event'] !== 'action_ended' || one['request_id'] !== 4),
        )),
    ],
    [
      'an answer is not the one that was sent',
      'answer_differs',
      'executor',
      (s) =>
        void (s.executor = rechain(s.executor, (all) =>
          all.map((one) => (one['event'] === 'action_ended' ? { ...one, answer_sha256: '0'.repeat(64) } : one)),
        )),
    ],
    [
      'a refusal is of another request',
      'answer_differs',
      'executor',
      (s) =>
        void (s.executor = rechain(s.executor, (all) =>
          all.map((one) => (one['event'] === 'refused' ? { ...one, line_sha256: '0'.repeat(64) } : one)),
        )),
    ],
    ['the transcript has a hole', 'chain_broken', 'relay', (s) => void s.relay.splice(2, 1)],
    [
      'the transcript has no end',
      'transcript_not_ended',
      'relay',
      (s) => void (s.relay = s.relay.filter((line) => !line.includes('"event":"ended"'))),
    ],
    [
      'a line of the transcript was changed',
      'record_unreadable',
      'relay',
      (s) => {
        edit(s.relay, 2, '/work/in/x', '/work/in/y');
      },
    ],
    ['the kernel dropped audit records', 'audit_lost', 'audit', (s) => void (s.relay = losing(s.relay))],
    ['a session left no trace with sshd', 'stream_empty', 'sshd', (s) => void (s.sshd = [])],
    ['a session left no audit record', 'stream_empty', 'audit', (s) => void (s.audit = [])],
    ['the last audit record has no end', 'record_incomplete', 'audit', () => ({ tail: { audit: 'type=EXEC' } })],
    ['a stream broke', 'stream_lost', 'audit', () => ({ endings: { audit: 'lost' } })],
    ['a stream never opened', 'stream_never_opened', 'executor', () => ({ endings: { executor: 'never_opened' } })],
    ['nothing is said about a stream', 'stream_not_listed', 'console', () => ({ unlisted: ['console'] })],
  ];

  test.each(cases)('is not complete when %s: %s (%s)', async (_, code, stream, change) => {
    const streams = agreeingStreams();
    const changes = change(streams);
    expect(await findings(streams, changes ?? {})).toContain(`${code} ${stream}`);
  });

  test('of a console that stops in the middle of a line is complete', async () => {
    expect(await findings(agreeingStreams(), { tail: { console: 'Powering o' } })).toEqual([]);
  });

  test('of a session that the executor turned away is complete, if that is on record', async () => {
    const streams = agreeingStreams();
    streams.executor = chain([{ event: 'session_refused', code: 'LOGIN_WRONG_MACHINE' }]);
    const talk = /"event":"(request|answer)"/;
    const silent = (line: string) => line.replace(/"bytes_(sent|received)":\d+/g, '"bytes_$1":0');
    streams.relay = renumber(streams.relay.filter((line) => !talk.test(line)).map(silent));
    expect(await findings(streams)).toEqual([]);
  });

  test('from a flooded log is judged without end of findings', async () => {
    const streams = agreeingStreams();
    streams.executor = Array.from({ length: 5_000 }, () => 'x');
    expect((await findings(streams)).sort()).toEqual([
      'record_unreadable executor',
      'request_not_recorded executor',
      'session_not_recorded executor',
    ]);
  });
});

function edit(lines: string[], index: number, from: string, to: string): undefined {
  expect(lines[index]).toContain(from);
  lines[index] = lines[index]?.replace(from, to) ?? '';
}

function renumber(lines: readonly string[]): string[] {
  return lines.map((line, index) => line.replace(/"seq":\d+/, `"seq":${index + 1}`));
}

function otherSession({ executor }: TestStreams): string[] {
  const [open = '{}', close = '{}'] = [executor[0], executor.at(-1)];
  return chain(
    [JSON.parse(open), { ...(JSON.parse(close) as object) }].map((record: Record<string, unknown>) => strip(record)),
    'fedcba9876543210',
  );
}

function strip(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).filter(([key]) => !['seq', 'at_ms', 'prev', 'session'].includes(key)),
  );
}

/** The transcript with one more answer: a look at the guest's health, in which the kernel says it lost records. */
function losing(lines: readonly string[]): string[] {
  const services = { sshd: 'running', auditd: 'running', syslogd: 'running', spawner: 'running' };
  const audit = { enabled: true, lost: 7, backlog: 0, auditd: 'running' };
  const result = {
    now_ms: 1,
    uptime_seconds: 1,
    memory: { total_bytes: 1, available_bytes: 1 },
    disks: [],
    services,
    audit,
  };
  const line = JSON.stringify({ id: 3, status: 'ok', action: 'check_health', result, duration_ms: 1 });
  const record = { seq: 8, at_ms: 1, event: 'answer', bytes: line.length, sha256: sha256(line), line };
  return renumber([...lines.slice(0, -1), JSON.stringify(record), lines.at(-1) ?? '']);
}
