import * as z from 'zod';
import { STREAM_NAMES } from '../../evidence/index.ts';

const Moment = z.iso.datetime({ precision: 3 });
const Count = z.int().min(0);

/** One thing that happened, as one witness has it. `record` is its number in the stream's file: line, or frame of the capture. */
export const TimelineEntry = z.strictObject({
  /** On the relay's clock. */
  at: Moment,
  /** How exact `at` is, where it is not to the millisecond. */
  within_ms: z.int().min(1).optional(),
  witness: z.enum(['guest', 'relay', 'control_plane']),
  stream: z.enum(STREAM_NAMES),
  record: z.int().min(1),
  what: z.string().max(64),
  request_id: z.int().min(1).optional(),
  pid: Count.optional(),
  /** Certificate of the login. */
  serial: z.string().max(20).optional(),
  /** May hold text of the guest's: escape it before showing it. */
  detail: z.string().max(512).optional(),
});
export type TimelineEntry = z.infer<typeof TimelineEntry>;

/** timeline.json: what relay, guest and control plane saw, in one order. */
export const Timeline = z.strictObject({
  version: z.literal(1),
  run_id: z.string(),
  /** How far the guest's clock was ahead of the relay's, as far as the requests bound it; and what was taken off its times. */
  clock: z.strictObject({ min_ms: z.int(), max_ms: z.int(), applied_ms: z.int() }).nullable(),
  /** Things that are in the streams and not here, because a stream had more than are shown of it. */
  left_out: z.record(z.string(), z.int().min(1)),
  entries: z.array(TimelineEntry),
});
export type Timeline = z.infer<typeof Timeline>;

/** An entry before it has its place: `clock` says whose time it is. */
export type Sighting = Omit<TimelineEntry, 'at' | 'witness'> & {
  readonly at_ms: number;
  readonly clock: 'relay' | 'guest';
};
