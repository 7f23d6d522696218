import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agreeingStreams, RUN_ID, type TestStreams } from '../../../test/support/bundle.ts';
import { contentsOf } from '../../../test/support/contents.ts';
import { STREAMS, type StreamName } from '../../evidence/index.ts';
import { buildTimeline, renderCapture, renderTimeline, Timeline, writeTimeline } from '../index.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'burnbag-timeline-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function timelineOf(streams: TestStreams = agreeingStreams()): Promise<Timeline> {
  for (const [name, content] of Object.entries(contentsOf(streams)))
    await writeFile(join(dir, STREAMS[name as StreamName].file), content);
  return buildTimeline(dir, RUN_ID);
}

test('has all three witnesses in one order, guest times moved by what the clocks are apart, which is stated', async () => {
  const { clock, entries } = await timelineOf();
  expect(clock).toEqual({ min_ms: -42, max_ms: -38, applied_ms: -40 });
  const second = entries.filter(({ request_id, stream }) => request_id === 2 && stream !== 'audit');
  expect(second.map(({ witness, what }) => `${witness} ${what}`)).toEqual([
    'relay request sent',
    'guest action started',
    'guest action ended',
    'relay answer received',
  ]);
  // Two milliseconds each way, two in between.
  const times = second.map(({ at }) => Date.parse(at));
  expect(times.map((at) => at - (times[0] ?? 0))).toEqual([0, 2, 4, 6]);
  expect(new Set(entries.map(({ witness }) => witness))).toEqual(new Set(['guest', 'relay', 'control_plane']));
});

test('ties processes to the request that started them, and logins to their certificate', async () => {
  const streams = agreeingStreams();
  const call = (serial: number, rest: string): string =>
    `type=SYSCALL msg=audit(1790000000.${300 + serial}:${serial}): arch=c000003e ${rest} auid=1 uid=2002 gid=2002 comm="x" exe="/bin/x"`;
  streams.audit.push(
    call(6, 'syscall=57 success=yes exit=4300 ppid=1 pid=4242'),
    call(7, 'syscall=59 success=yes exit=0 ppid=4242 pid=4300'),
    call(8, 'syscall=59 success=yes exit=0 ppid=4300 pid=4301'),
    call(9, 'syscall=59 success=yes exit=0 ppid=1 pid=77'),
  );
  const { entries } = await timelineOf(streams);
  const requestOf = (pid: number) =>
    entries.filter((one) => one.stream === 'audit' && one.pid === pid).at(-1)?.request_id;
  expect([4242, 4300, 4301, 77].map(requestOf)).toEqual([2, 2, 2, undefined]);
  const logins = entries
    .filter(({ serial }) => serial !== undefined)
    .map(({ stream, serial }) => `${stream} ${serial ?? ''}`);
  expect(new Set(logins)).toEqual(
    new Set([
      'relay 12297829382473034410',
      'executor 12297829382473034410',
      'sshd 12297829382473034410',
      'relay 5',
      'sshd 5',
    ]),
  );
});

test('follows from the files: built again it is the same, byte for byte, and its text is its value', async () => {
  const first = await timelineOf();
  const text = writeTimeline(first);
  expect(writeTimeline(await buildTimeline(dir, RUN_ID))).toBe(text);
  expect(Timeline.parse(JSON.parse(text))).toEqual(first);
});

test('of a run that did not get far has what there is', async () => {
  expect(await buildTimeline(dir, RUN_ID)).toEqual({
    version: 1,
    run_id: RUN_ID,
    clock: null,
    left_out: {},
    entries: [],
  });
});

test('passes over what is no record, whatever it is', async () => {
  const streams = agreeingStreams();
  const rubbish = ['', '{', '[]', 'null', '{"seq":1e400}', '{"at_ms":1e300,"event":"request","line":"{"}', '\u0000'];
  for (const name of ['relay', 'executor', 'sshd', 'console', 'audit', 'engine', 'provider'] as const)
    streams[name].push(...rubbish);
  streams.capture = Buffer.from('no capture at all, not even the beginning of one');
  const { entries } = await timelineOf(streams);
  expect(entries.length).toBeGreaterThan(20);
});

test('leaves out what a person cannot read, and says how much', async () => {
  const streams = agreeingStreams();
  streams.console = Array.from({ length: 20_007 }, (_, index) => `line ${index}`);
  const { left_out, entries } = await timelineOf(streams);
  expect(left_out).toEqual({ console: 7 });
  expect(entries.filter(({ stream }) => stream === 'console')).toHaveLength(20_000);
});

test('is shown one line an entry: a name with a newline in it makes no line of its own', async () => {
  const streams = agreeingStreams();
  const name = Buffer.from('x\n10:00:00.000  relay   forged').toString('hex');
  streams.audit.push(
    'type=SYSCALL msg=audit(1790000000.500:6): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=9 auid=1 uid=2002 exe="/x"',
    `type=EXECVE msg=audit(1790000000.500:6): argc=1 a0=${name}`,
    'type=EOE msg=audit(1790000000.500:6): ',
  );
  const timeline = await timelineOf(streams);
  const lines = renderTimeline(timeline).split('\n');
  expect(lines).toHaveLength(timeline.entries.length + 1);
  expect(lines[0]).toContain('-40 ms are taken off guest times');
  expect(lines.some((line) => line.startsWith('10:00:00.000  relay'))).toBe(false);
});

test('a capture is shown one line a frame, and what was not kept is said', () => {
  const capture = contentsOf(agreeingStreams()).capture as Buffer;
  const lines = renderCapture(capture).split('\n');
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} {2}from relay {2}tcp {2}10\.0\.2\.2:50001 → 10\.0\.2\.15:22 {2}syn {2}0 bytes of payload$/,
  );
  expect(lines.at(-1)).toBe('8 frames crossed, 0 of them are not kept');
});

test('of a stream that is nothing but ends of lines costs no memory for what is left out, which is counted', async () => {
  const lines = 4 * 1024 * 1024;
  await writeFile(join(dir, STREAMS.sshd.file), Buffer.alloc(lines, '\n'));
  const before = process.memoryUsage.rss();
  const { entries, left_out } = await buildTimeline(dir, RUN_ID);
  expect(entries.length + (left_out['sshd'] ?? 0)).toBe(lines);
  expect(process.memoryUsage.rss() - before).toBeLessThan(384 * 1024 * 1024);
}, 60_000);
