import type { ConcreteId } from '../../../../infra/driver.ts';
import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { heldBy, refuseElsewhere } from '../holder.ts';
import { storable } from '../row.ts';
import { getRun } from './get-run.ts';

/**
 * Adds one id to a run's manifest of ids, durably. Recorded again it is in use again: its detail is replaced and it no longer counts as gone.
 * Rejects with `run_ended` from `collecting` on: nothing may come into being for it any more, least of all by a process that slept while
 * another one took the run up.
 */
export async function recordId(
  database: Database,
  runId: string,
  id: ConcreteId,
  holder: string | null,
  at = new Date(),
): Promise<void> {
  const params = [runId, id.kind, storable(id.id), JSON.stringify(id.detail), at.toISOString(), holder];
  const rows = await database.query(SQL, params);
  if (rows.length > 0) return;
  const run = await getRun(database, runId);
  refuseElsewhere(run, holder);
  throw ended(runId, run.state, `${id.kind} ${id.id}`);
}

const SQL = `
  insert into burnbag.ids (run_id, kind, id, detail, recorded_at)
  select run_id, $2, $3, $4::json, $5::timestamptz from burnbag.runs
  where run_id = $1 and state in ('requested', 'admitted', 'provisioning', 'ready', 'executing') and ${heldBy('$6')}
  on conflict (run_id, kind, id) do update
    set detail = excluded.detail, gone_at = null, gone_how = null, gone_means = null
  returning run_id`;

function ended(runId: string, state: string, what: string): JournalError {
  return new JournalError('run_ended', {
    expected: `run ${runId} not to be over before ${what} is used for it`,
    got: `a run that is ${state}`,
    hint: 'start a new run',
  });
}
