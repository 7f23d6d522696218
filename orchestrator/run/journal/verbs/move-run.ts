import { canMove, isTerminal, LIFECYCLE, type Outcome, type RunState } from '../../lifecycle.ts';
import type { Run } from '../../run.ts';
import { hashTransition } from '../chain.ts';
import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { parseRun, storable } from '../row.ts';
import { getRun } from './get-run.ts';

/**
 * Moves a run on and links the move to its chain. Refuses a move LIFECYCLE does not list (`move_not_listed`),
 * and a run that has moved since it was read (`moved_meanwhile`): whoever holds an old value changes nothing.
 * The same move said again, with its time, is the one that was made: an answer that was lost can be asked for again.
 */
export async function moveRun(database: Database, run: Run, to: RunState, move: Move = {}): Promise<Run> {
  if (!canMove(run.state, to)) throw notListed(run, to);
  const why = move.why === undefined ? undefined : storable(move.why);
  const transition = {
    previous: run.chainHead,
    seq: run.version + 1,
    from: run.state,
    to,
    ...(move.outcome !== undefined && { outcome: move.outcome }),
    ...(why !== undefined && { why }),
    at: (move.at ?? new Date()).toISOString(),
  };
  const hash = hashTransition(run.runId, transition);
  const [row] = await database.query(SQL, [
    run.runId,
    run.version,
    run.chainHead,
    run.state,
    to,
    move.outcome ?? null,
    why ?? null,
    transition.at,
    isTerminal(to) ? 'ended' : null,
    jsonOrNull(move.patch?.sandbox),
    jsonOrNull(move.patch?.result),
    hash,
  ]);
  if (row !== undefined) return parseRun(row);
  const now = await getRun(database, run.runId);
  if (now.chainHead === hash) return now;
  throw movedMeanwhile(run, now);
}

export interface Move {
  readonly why?: string;
  /** Replaces the outcome so far; the chain keeps every one. */
  readonly outcome?: Outcome;
  /** Each given member replaces the stored one whole. */
  readonly patch?: { readonly sandbox?: unknown; readonly result?: unknown };
  readonly at?: Date;
}

const SQL = `
  with moved as (
    update burnbag.runs set
      state = $5,
      outcome = coalesce($6, outcome),
      why = coalesce($7, why),
      moved_at = $8::timestamptz,
      ended_at = case when $9::text is null then null else $8::timestamptz end,
      sandbox = coalesce($10::json, sandbox),
      result = coalesce($11::json, result),
      version = version + 1,
      chain_head = $12
    where run_id = $1 and version = $2::integer and chain_head = $3 and state = $4
    returning *
  ), logged as (
    insert into burnbag.transitions (run_id, seq, from_state, to_state, outcome, why, at, previous, hash)
    select run_id, version, $4, state, $6, $7, moved_at, $3, chain_head from moved
  )
  select * from moved`;

function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function notListed(run: Run, to: RunState): JournalError {
  const listed = LIFECYCLE[run.state].join(', ') || 'nothing: this is an end';
  return new JournalError('move_not_listed', {
    expected: `run ${run.runId} to go from ${run.state} to one of: ${listed}`,
    got: to,
    hint: 'the table of moves is orchestrator/run/lifecycle.ts',
  });
}

function movedMeanwhile(run: Run, now: Run): JournalError {
  return new JournalError('moved_meanwhile', {
    expected: `run ${run.runId} still in ${run.state} (version ${run.version})`,
    got: `${now.state} (version ${now.version})`,
    hint: 'somebody else conducts this run: read it again',
  });
}
