import { boundClock, STREAMS, STREAM_NAMES, type StreamName } from '../../evidence/index.ts';
import type { Sighting, Timeline, TimelineEntry } from './entry.ts';
import { readStreams } from './read-streams.ts';

/** Its name in the bundle. */
export const TIMELINE_FILE = 'timeline.json';

/**
 * Puts what lies in a run's folder into one order: by time on the relay's clock, then by stream and record. Guest times are moved by the
 * middle of what the requests allow. Follows wholly from the files: whoever builds it again gets the same, byte for byte.
 */
export async function buildTimeline(dir: string, runId: string): Promise<Timeline> {
  const { sightings, requests, actions } = await readStreams(dir, runId);
  const bounds = boundClock(requests, actions);
  const applied_ms = bounds === null ? 0 : Math.round((bounds.min_ms + bounds.max_ms) / 2);
  const left_out: Record<string, number> = {};
  const shown = STREAM_NAMES.flatMap((stream) => {
    const { shown: first = [], leftOut = 0 } = sightings.get(stream) ?? {};
    if (leftOut > 0) left_out[stream] = leftOut;
    return first;
  });
  return {
    version: 1,
    run_id: runId,
    clock: bounds === null ? null : { ...bounds, applied_ms },
    left_out,
    entries: shown
      .map((one) => ({ ...one, at_ms: one.clock === 'guest' ? one.at_ms - applied_ms : one.at_ms }))
      .sort(byTime)
      .map(entryOf),
  };
}

/** The bytes of timeline.json: one line an entry, so that a person finds his way with any tool. */
export function writeTimeline({ entries, ...head }: Timeline): string {
  const lines = entries.map((entry) => JSON.stringify(entry)).join(',\n');
  return `${JSON.stringify(head).slice(0, -1)},"entries":[\n${lines}\n]}\n`;
}

const ORDER: ReadonlyMap<StreamName, number> = new Map(STREAM_NAMES.map((name, index) => [name, index]));

/** A second's own events stand at its end: what caused them came before. */
function byTime(a: Sighting, b: Sighting): number {
  const end = ({ at_ms, within_ms = 1 }: Sighting): number => at_ms + within_ms;
  const place = ({ stream }: Sighting): number => ORDER.get(stream) ?? 0;
  return end(a) - end(b) || place(a) - place(b) || a.record - b.record;
}

function entryOf({ at_ms, within_ms, stream, record, what, request_id, pid, serial, detail }: Sighting): TimelineEntry {
  return {
    at: new Date(at_ms).toISOString(),
    ...(within_ms !== undefined && { within_ms }),
    witness: STREAMS[stream].witness,
    stream,
    record,
    what,
    ...(request_id !== undefined && { request_id }),
    ...(pid !== undefined && { pid }),
    ...(serial !== undefined && { serial }),
    ...(detail !== undefined && { detail: cut(detail) }),
  };
}

const DETAIL_MAX = 512;

function cut(text: string): string {
  return text.length <= DETAIL_MAX ? text : `${text.slice(0, DETAIL_MAX - 1)}…`;
}
