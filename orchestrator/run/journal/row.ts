import * as z from 'zod';
import { LIFECYCLE, OUTCOMES, type RunState } from '../lifecycle.ts';
import type { Run } from '../run.ts';
import type { Row } from './database.ts';

/** Reads one row of `burnbag.runs`. */
export function parseRun(row: Row): Run {
  const run = RunRow.parse(row);
  return {
    runId: run.run_id,
    taskId: run.task_id,
    requester: run.requester,
    profile: run.profile,
    state: run.state,
    ...(run.outcome !== null && { outcome: run.outcome }),
    ...(run.why !== null && { why: run.why }),
    createdAt: run.created_at,
    movedAt: run.moved_at,
    ...(run.ended_at !== null && { endedAt: run.ended_at }),
    request: run.request,
    ...(run.sandbox !== null && { sandbox: run.sandbox }),
    ...(run.result !== null && { result: run.result }),
    version: run.version,
    chainHead: run.chain_head,
    ...(run.holder !== null && { holder: run.holder }),
  };
}

/** A point in time as the database gives it, turned into ISO 8601. */
export const Time = z.date().transform((date) => date.toISOString());

/** A state of the lifecycle. */
export const State = z.enum(Object.keys(LIFECYCLE) as [RunState, ...RunState[]]);

/** How a run went. */
export const OutcomeColumn = z.enum(OUTCOMES).nullable();

/**
 * Makes text storable: Postgres's text holds neither U+0000 nor half a surrogate pair. Both are shown, never dropped.
 */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\u2400');
}

const RunRow = z.strictObject({
  run_id: z.string(),
  task_id: z.string(),
  requester: z.string(),
  profile: z.string(),
  state: State,
  outcome: OutcomeColumn,
  why: z.string().nullable(),
  created_at: Time,
  moved_at: Time,
  ended_at: Time.nullable(),
  request: z.unknown(),
  sandbox: z.unknown(),
  result: z.unknown(),
  version: z.int(),
  chain_head: z.string(),
  holder: z.string().nullable(),
});
