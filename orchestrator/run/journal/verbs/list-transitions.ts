import * as z from 'zod';
import type { Transition } from '../chain.ts';
import type { Database, Row } from '../database.ts';
import { OutcomeColumn, State, Time } from '../row.ts';

/** Every move of a run, in order, with its chain. */
export async function listTransitions(database: Database, runId: string): Promise<readonly Transition[]> {
  return (await database.query(SQL, [runId])).map(parseTransition);
}

const SQL = `
  select seq, from_state, to_state, outcome, why, at, previous, hash
  from burnbag.transitions where run_id = $1 order by seq`;

const TransitionRow = z.strictObject({
  seq: z.int(),
  from_state: State.nullable(),
  to_state: State,
  outcome: OutcomeColumn,
  why: z.string().nullable(),
  at: Time,
  previous: z.string(),
  hash: z.string(),
});

function parseTransition(row: Row): Transition {
  const { seq, from_state: from, to_state: to, outcome, why, at, previous, hash } = TransitionRow.parse(row);
  return {
    seq,
    ...(from !== null && { from }),
    to,
    ...(outcome !== null && { outcome }),
    ...(why !== null && { why }),
    at,
    previous,
    hash,
  };
}
