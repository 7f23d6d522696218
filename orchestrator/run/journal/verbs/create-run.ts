import type { Run } from '../../run.ts';
import { CHAIN_START, hashTransition } from '../chain.ts';
import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { parseRun, storable } from '../row.ts';

/** Stores new runs in `requested`, each with the first link of its chain. Undefined for one whose id is taken: see idTaken. */
export async function createRuns(
  database: Database,
  asked: readonly NewRun[],
  holder: string | null,
): Promise<readonly (Run | undefined)[]> {
  const rows = await database.query(SQL, [JSON.stringify(asked.map(recordOf)), holder]);
  const created = new Map(rows.map(parseRun).map((run) => [run.runId, run]));
  return asked.map(({ runId }) => {
    const run = created.get(runId);
    // Of two that came with one id, the second comes too late.
    created.delete(runId);
    return run;
  });
}

function recordOf(asked: NewRun) {
  const at = (asked.at ?? new Date()).toISOString();
  return {
    run_id: asked.runId,
    task_id: asked.taskId,
    requester: storable(asked.requester),
    profile: storable(asked.profile),
    at,
    // Text inside: JSON that is taken apart may not hold U+0000.
    request: JSON.stringify(asked.request),
    hash: hashTransition(asked.runId, { seq: 1, to: 'requested', at, previous: CHAIN_START }),
  };
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
  with asked as (
    select * from json_to_recordset($1::json)
      as (run_id text, task_id text, requester text, profile text, at timestamptz, request text, hash text)
  ), created as (
    insert into burnbag.runs (run_id, task_id, requester, profile, state, created_at, moved_at, request, version, chain_head, holder)
    select run_id, task_id, requester, profile, 'requested', at, at, request::json, 1, hash, $2::text from asked
    on conflict do nothing
    returning *
  ), logged as (
    insert into burnbag.transitions (run_id, seq, to_state, at, previous, hash)
    select run_id, 1, state, moved_at, '${CHAIN_START}', chain_head from created
  )
  select * from created`;

/** The refusal of a run whose id the journal has. Code `run_exists`. */
export function idTaken(runId: string): JournalError {
  return new JournalError('run_exists', {
    expected: 'a run id that is new',
    got: `${runId}, which the journal has`,
    hint: 'make another id; ids are never used twice',
  });
}
