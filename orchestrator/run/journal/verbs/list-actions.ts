import * as z from 'zod';
import type { Database } from '../database.ts';
import { Time } from '../row.ts';
import { ACTION_STATES, type ActionStep } from './record-action.ts';

/** How far each action of a run has come: one entry per action and state, in order. */
export async function listActions(database: Database, runId: string): Promise<readonly RecordedAction[]> {
  const rows = await database.query(SQL, [runId]);
  return rows.map((row) => {
    const { request_id: requestId, action, state, at } = ActionRow.parse(row);
    return { requestId, action, state, at };
  });
}

export interface RecordedAction extends ActionStep {
  readonly at: string;
}

const SQL = `
  select request_id, action, state, at from burnbag.actions where run_id = $1
  order by request_id, array_position(array['journalled', 'sent', 'answered'], state)`;

const ActionRow = z.strictObject({ request_id: z.int(), action: z.string(), state: z.enum(ACTION_STATES), at: Time });
