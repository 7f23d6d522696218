import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type FindingCode, weigh } from '../../../orchestrator/evidence/format/findings.ts';
import {
  STREAM_NAMES,
  STREAMS,
  type StreamEnd,
  type StreamName,
} from '../../../orchestrator/evidence/format/streams.ts';
import { readBundle } from '../../../orchestrator/evidence/witness/read-bundle.ts';
import { arrivalsOf, chainArrivals, chainRelay, sha256 } from '../arrivals.ts';
import { chain, RUN_ID, type TestStreams } from '../bundle.ts';
import { contentsOf } from '../contents.ts';
import { captureOf, framesOfRun } from '../control-plane.ts';

/** What a test changes besides the streams. */
export interface Changes {
  readonly endings?: Partial<Record<StreamName, StreamEnd>>;
  /** Streams about which nothing is said. */
  readonly unlisted?: readonly StreamName[];
  /** Bytes after the last newline. */
  readonly tail?: Partial<Record<StreamName, string>>;
}

/** Judges streams in a folder of their own. */
export async function judgeAll(streams: TestStreams, { endings = {}, unlisted = [], tail = {} }: Changes = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'burnbag-judge-'));
  try {
    await writeAll(dir, streams, tail);
    const names = Object.values(STREAMS).map(({ file }) => file);
    const reading = await readBundle(dir, names, RUN_ID);
    const listed = STREAM_NAMES.filter((name) => !unlisted.includes(name));
    const judged = reading.judge(new Map(listed.map((name) => [name, { how: endings[name] ?? 'collected' }])));
    expect(weigh(judged.findings) === 'complete').toBe(judged.findings.length === 0);
    return judged;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function writeAll(dir: string, streams: TestStreams, tail: NonNullable<Changes['tail']>): Promise<void> {
  for (const [name, content] of Object.entries(contentsOf(streams)) as [StreamName, string | Buffer][]) {
    const end = tail[name] === undefined ? content : Buffer.concat([Buffer.from(content), Buffer.from(tail[name])]);
    await writeFile(join(dir, STREAMS[name].file), end);
  }
}

/** The findings' codes and streams, each once. */
export async function findings(streams: TestStreams, changes?: Changes): Promise<string[]> {
  const judged = await judgeAll(streams, changes);
  return [...new Set(judged.findings.map(({ code, stream }) => `${code} ${stream}`))];
}

export type Records = Record<string, unknown>[];

/** The executor's chain, made anew after a change to its records, so that only the change shows. */
export function rechain(lines: readonly string[], change: (records: Records) => Records): string[] {
  const times: unknown[] = [];
  const changed = change(lines.map((line) => JSON.parse(line) as Record<string, unknown>)).map((record) => {
    times.push(record['at_ms']);
    return strip(record);
  });
  return chain(changed, '0123456789abcdef', times as number[]);
}

/** The arrivals' chain, likewise. */
export function rechainArrivals(streams: TestStreams, change: (records: Records) => Records): void {
  const records = (streams.arrivals ?? arrivalsOf(streams)).map((line) =>
    strip(JSON.parse(line) as Record<string, unknown>),
  );
  streams.arrivals = chainArrivals(change(records));
}

/** What happened, which finding it is, in which stream, and how the streams of a good run are changed to show it. */
export type Case = [string, FindingCode, StreamName, (streams: TestStreams) => Changes | undefined];

/** Replaces text of one line; `number` instead makes another number of the one that the pattern finds. */
export function edit(lines: string[], index: number, from: string, to: string, number?: RegExp): undefined {
  expect(lines[index]).toContain(from);
  lines[index] =
    number === undefined ? (lines[index]?.replace(from, to) ?? '') : (lines[index]?.replace(number, '$&0') ?? '');
}

/** Replaces text of one line of the transcript and makes its chain anew, so that only the change shows; `number` as for `edit`. */
export function editRelay(streams: TestStreams, index: number, from: string, to: string, number?: RegExp): undefined {
  edit(streams.relay, index, from, to, number);
  streams.relay = chainRelay(streams.relay);
}

/** Changes the answer about the guest's health, and the digests that go with it. */
export function health(streams: TestStreams, from: string, to: string): undefined {
  const record = JSON.parse(streams.relay[8] ?? '') as { line: string };
  expect(record.line).toContain(from);
  const line = record.line.replace(from, to);
  streams.relay[8] = JSON.stringify({ ...record, line, bytes: Buffer.byteLength(line), sha256: sha256(line) });
  streams.relay = chainRelay(streams.relay);
}

/** Drops audit records, from the guest's own file too. */
export function drop(streams: TestStreams, records: RegExp): undefined {
  streams.audit = streams.audit.filter((line) => !records.test(line));
  streams.audit_file = streams.audit_file.filter((line) => !records.test(line));
}

export function addAudit(streams: TestStreams, line: string): undefined {
  streams.audit.push(line);
  if (!line.startsWith('type=EOE')) streams.audit_file.push(line);
}

/** A change that is made after everything had arrived. */
export function after(streams: TestStreams, change: () => unknown): undefined {
  streams.arrivals = arrivalsOf(streams);
  change();
}

export function insert(streams: TestStreams, event: object): undefined {
  rechainArrivals(streams, (all) => all.toSpliced(-1, 0, event as Record<string, unknown>));
}

/** Sets the guest's clock before a request. */
export function shiftGuest(streams: TestStreams, fromRequest: number, byMs: number): undefined {
  streams.executor = rechain(streams.executor, (all) =>
    all.map((one) =>
      Number(one['request_id'] ?? 0) >= fromRequest ? { ...one, at_ms: Number(one['at_ms']) + byMs } : one,
    ),
  );
}

export function onEvent(event: string, digest: string) {
  return (one: Record<string, unknown>) => (one['event'] === event ? { ...one, [digest]: '0'.repeat(64) } : one);
}

/** Bytes of a capture's last block. */
export const STATISTICS_BYTES = 52;

/** A capture that counts one frame more than it has. */
export function withoutFrame(frames: number): Buffer {
  const whole = captureOf();
  const last = captureOf(framesOfRun().slice(0, -1));
  expect(frames).toBe(framesOfRun().length);
  return Buffer.concat([last.subarray(0, -STATISTICS_BYTES), whole.subarray(-STATISTICS_BYTES)]);
}

export function renumber(lines: readonly string[]): string[] {
  return chainRelay(lines.map((line, index) => line.replace(/"seq":\d+/, `"seq":${index + 1}`)));
}

export function otherSession({ executor }: TestStreams): string[] {
  const [open = '{}', close = '{}'] = [executor[0], executor.at(-1)];
  return chain(
    [open, close].map((line) => strip(JSON.parse(line) as Record<string, unknown>)),
    'fedcba9876543210',
  );
}

export function strip(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).filter(([key]) => !['seq', 'at_ms', 'prev', 'session'].includes(key)),
  );
}
