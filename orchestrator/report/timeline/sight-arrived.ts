import type { Sighting } from './entry.ts';

/** When each record of a stream arrived, by stream: pairs of the first record and the time. */
export type ArrivalTimes = ReadonlyMap<string, readonly (readonly [first: number, atMs: number])[]>;

/** Reads arrivals.ndjson. */
export function arrivalTimes(lines: Iterable<Buffer>): ArrivalTimes {
  const times = new Map<string, [number, number][]>();
  for (const line of lines) {
    const [, at, stream = '', first] = ARRIVED.exec(line.toString('latin1')) ?? [];
    if (at === undefined) continue;
    const known = times.get(stream) ?? [];
    times.set(stream, known);
    known.push([Number(first), Number(at)]);
  }
  return times;
}

/** As the relay writes it (evidence/format/arrival.ts). */
const ARRIVED =
  /^\{"seq":\d+,"at_ms":(\d{1,15}),"prev":"[0-9a-f]{64}","event":"arrived","stream":"(\w+)","first":(\d{1,15}),/;

/** sshd's and the system's own words, at the time at which they arrived: what they say of the time is a second, without a year. */
export function* sightSyslog(lines: Iterable<Buffer>, times: ArrivalTimes): Generator<Sighting> {
  const at = placer(times.get('sshd') ?? []);
  let record = 0;
  for (const line of lines) {
    record += 1;
    const whole = line.toString();
    const [, program = 'syslog', pid, text = whole] = SYSLOG.exec(whole) ?? [];
    const serial = /\(serial (\d{1,20})\) CA /.exec(text)?.[1];
    const known = { ...(pid !== undefined && { pid: Number(pid) }), ...(serial !== undefined && { serial }) };
    yield {
      at_ms: at(record),
      clock: 'relay' as const,
      stream: 'sshd' as const,
      record,
      what: program,
      ...known,
      detail: text,
    };
  }
}

const SYSLOG = /^\w{3} [ \d]\d [\d:]{8} \S+ \w+\.\w+ ([\w./-]{1,60})(?:\[(\d{1,9})\])?: (.*)$/s;

/** What the machine said on its serial port, when it arrived. */
export function* sightConsole(lines: Iterable<Buffer>, times: ArrivalTimes): Generator<Sighting> {
  const at = placer(times.get('console') ?? []);
  let record = 0;
  for (const line of lines) {
    record += 1;
    yield {
      ...{ at_ms: at(record), clock: 'relay' as const, stream: 'console' as const, record },
      ...{ what: 'console', detail: line.toString().replace(/\r$/, '') },
    };
  }
}

/** The time of a record: asked in their order. */
function placer(times: readonly (readonly [number, number])[]): (record: number) => number {
  let at = 0;
  return (record) => {
    while (at + 1 < times.length && (times[at + 1]?.[0] ?? Infinity) <= record) at += 1;
    return times[at]?.[1] ?? 0;
  };
}
