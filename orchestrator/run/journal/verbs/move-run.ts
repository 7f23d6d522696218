import { canMove, isTerminal, LIFECYCLE, type Outcome, type RunState } from '../../lifecycle.ts';
import type { Run } from '../../run.ts';
import { hashTransition, type Transition } from '../chain.ts';
import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { heldBy, refuseElsewhere } from '../holder.ts';
import { parseRun, storable } from '../row.ts';
import { getRun } from './get-run.ts';

/**
 * Moves a run on and links the move to its chain. Refuses a move LIFECYCLE does not list (`move_not_listed`),
 * a run that has moved since it was read (`moved_meanwhile`): whoever holds an old value changes nothing; and one of another data directory (`held_elsewhere`).
 * The same move said again, with its time, is the one that was made: an answer that was lost can be asked for again.
 */
export async function moveRun(
  database: Database,
  move: MoveRuns,
  holder: string | null,
  run: Run,
  to: RunState,
  how: Move = {},
): Promise<Run> {
  if (!canMove(run.state, to)) throw notListed(run, to);
  const why = how.why === undefined ? undefined : storable(how.why);
  const transition = {
    previous: run.chainHead,
    seq: run.version + 1,
    from: run.state,
    to,
    ...(how.outcome !== undefined && { outcome: how.outcome }),
    ...(why !== undefined && { why }),
    at: (how.at ?? new Date()).toISOString(),
  };
  const hash = hashTransition(run.runId, transition);
  const moved = await move({ runId: run.runId, transition, hash, ...how.patch });
  if (moved !== undefined) return moved;
  const now = await getRun(database, run.runId);
  if (now.chainHead === hash) return now;
  refuseElsewhere(now, holder);
  throw movedMeanwhile(run, now);
}

/** One move as it is stored. */
export interface LinkedMove {
  readonly runId: string;
  readonly transition: Omit<Transition, 'hash'> & { readonly from: RunState };
  readonly hash: string;
  readonly sandbox?: unknown;
  readonly result?: unknown;
}

/** Stores one move; undefined where the run is not where it was read. */
export type MoveRuns = (move: LinkedMove) => Promise<Run | undefined>;

/** Stores moves of several runs in one statement. Undefined for one whose run is not where it was read. */
export async function moveRuns(
  database: Database,
  moves: readonly LinkedMove[],
  holder: string | null,
): Promise<readonly (Run | undefined)[]> {
  const rows = await database.query(SQL, [JSON.stringify(moves.map(recordOf)), holder]);
  const moved = new Map(rows.map(parseRun).map((run) => [run.chainHead, run]));
  return moves.map(({ hash }) => moved.get(hash));
}

function recordOf({ runId, transition, hash, sandbox, result }: LinkedMove) {
  const { previous, seq, from, to, outcome, why, at } = transition;
  // Text inside: JSON that is taken apart may not hold U+0000. What is undefined is left out, and read as null.
  const patch = { sandbox: JSON.stringify(sandbox), result: JSON.stringify(result) };
  return {
    run_id: runId,
    previous,
    seq,
    from_state: from,
    to_state: to,
    outcome,
    why,
    at,
    is_end: isTerminal(to),
    hash,
    ...patch,
  };
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
  with asked as (
    select * from json_to_recordset($1::json) as (
      run_id text, previous text, seq integer, from_state text, to_state text, outcome text, why text, at timestamptz,
      is_end boolean, hash text, sandbox text, result text)
  ), moved as (
    update burnbag.runs set
      state = asked.to_state,
      outcome = coalesce(asked.outcome, runs.outcome),
      why = coalesce(asked.why, runs.why),
      moved_at = asked.at,
      ended_at = case when asked.is_end then asked.at end,
      sandbox = coalesce(asked.sandbox::json, runs.sandbox),
      result = coalesce(asked.result::json, runs.result),
      version = asked.seq,
      chain_head = asked.hash
    from asked
    where runs.run_id = asked.run_id and runs.version = asked.seq - 1 and runs.chain_head = asked.previous
      and runs.state = asked.from_state and ${heldBy('$2')}
    returning runs.*
  ), logged as (
    insert into burnbag.transitions (run_id, seq, from_state, to_state, outcome, why, at, previous, hash)
    select run_id, seq, from_state, to_state, asked.outcome, asked.why, at, previous, hash
    from asked join moved using (run_id) where moved.chain_head = asked.hash
  )
  select * from moved`;

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
