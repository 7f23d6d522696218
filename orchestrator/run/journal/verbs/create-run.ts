import type { Run } from '../../run.ts';
import { CHAIN_START, hashTransition } from '../chain.ts';
import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { parseRun, storable } from '../row.ts';

/** Stores a new run in `requested`, with the first link of its chain. Rejects with `run_exists` when the id is taken. */
export async function createRun(database: Database, asked: NewRun): Promise<Run> {
  const at = (asked.at ?? new Date()).toISOString();
  const hash = hashTransition(asked.runId, { seq: 1, to: 'requested', at, previous: CHAIN_START });
  const [row] = await database.query(SQL, [
    asked.runId,
    asked.taskId,
    storable(asked.requester),
    storable(asked.profile),
    at,
    JSON.stringify(asked.request),
    hash,
    CHAIN_START,
  ]);
  if (row === undefined) throw taken(asked.runId);
  return parseRun(row);
}

/** What is known of a run when it is asked for. `request` is kept as JSON and never looked into. */
export interface NewRun {
  /** 12 lowercase hex digits. */
  readonly runId: string;
  readonly taskId: string;
  readonly requester: string;
  readonly profile: string;
  readonly request: unknown;
  readonly at?: Date;
}

const SQL = `
  with created as (
    insert into burnbag.runs (run_id, task_id, requester, profile, state, created_at, moved_at, request, version, chain_head)
    values ($1, $2, $3, $4, 'requested', $5::timestamptz, $5::timestamptz, $6::json, 1, $7)
    on conflict do nothing
    returning *
  ), logged as (
    insert into burnbag.transitions (run_id, seq, to_state, at, previous, hash)
    select run_id, 1, state, moved_at, $8, chain_head from created
  )
  select * from created`;

function taken(runId: string): JournalError {
  return new JournalError('run_exists', {
    expected: 'a run id that is new',
    got: `${runId}, which the journal has`,
    hint: 'make another id; ids are never used twice',
  });
}
