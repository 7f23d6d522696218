import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { heldBy, refuseElsewhere } from '../holder.ts';
import { getRun } from './get-run.ts';

/**
 * Records how far an action has come: journalled before it is sent, sent when it leaves, answered when its answer is stored. Each once, in
 * this order, the first two only while the run is executing; anything else rejects with `action_out_of_turn`. So no action is sent twice,
 * and none after a crash. That it was answered may be said again, by whoever did not hear whether it was heard: the first time counts.
 */
export async function recordAction(
  database: Database,
  runId: string,
  step: ActionStep,
  holder: string | null,
  at = new Date(),
): Promise<void> {
  const { requestId, action, state } = step;
  const params = [runId, requestId, action, state, at.toISOString(), BEFORE[state], holder];
  const rows = await database.query(SQL, params);
  if (rows.length > 0) return;
  const run = await getRun(database, runId);
  refuseElsewhere(run, holder);
  throw outOfTurn(step, run.state);
}

export interface ActionStep {
  /** The `id` of the request on the wire. */
  readonly requestId: number;
  readonly action: string;
  readonly state: ActionState;
}

export const ACTION_STATES = ['journalled', 'sent', 'answered'] as const;
export type ActionState = (typeof ACTION_STATES)[number];

/** What must have been recorded before each state. */
const BEFORE: { readonly [S in ActionState]: ActionState | null } = {
  journalled: null,
  sent: 'journalled',
  answered: 'sent',
};

const SQL = `
  insert into burnbag.actions (run_id, request_id, action, state, at)
  select run_id, $2::integer, $3, $4, $5::timestamptz from burnbag.runs
  where run_id = $1 and ${heldBy('$7')}
    and ($4 = 'answered' or state = 'executing')
    and ($6::text is null or exists (
      select from burnbag.actions earlier
      where earlier.run_id = $1 and earlier.request_id = $2::integer and earlier.action = $3 and earlier.state = $6))
  on conflict (run_id, request_id, state) do update set at = burnbag.actions.at where excluded.state = 'answered'
  returning run_id`;

function outOfTurn({ requestId, action, state }: ActionStep, runState: string): JournalError {
  const before = BEFORE[state];
  return new JournalError('action_out_of_turn', {
    expected: `action ${requestId} (${action}) to be ${before ?? 'new'} and the run executing before it is ${state}`,
    got: `a run that is ${runState}, or an action that is further or not so far`,
    hint: 'an action is sent once, while its run executes, and never again after a crash',
  });
}
