import type { ConcreteId } from '../../../../infra/driver.ts';
import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { heldBy, refuseElsewhere } from '../holder.ts';
import { storable } from '../row.ts';
import { getRun } from './get-run.ts';

/** Records that an id of the manifest was observed gone, when, and by what means. Rejects with `id_not_found` for an id never recorded. */
export async function markGone(
  database: Database,
  runId: string,
  id: Pick<ConcreteId, 'kind' | 'id'>,
  seen: Absence,
  holder: string | null,
): Promise<void> {
  const params = [runId, id.kind, storable(id.id), seen.at, seen.how ?? null, seen.means, holder];
  const rows = await database.query(SQL, params);
  if (rows.length > 0) return;
  refuseElsewhere(await getRun(database, runId), holder);
  throw neverRecorded(runId, id);
}

/** How an id was deleted, where that is known, and how its absence was observed. `at` is ISO 8601. */
export interface Absence {
  readonly means: string;
  readonly at: string;
  readonly how?: string;
}

const SQL = `
  update burnbag.ids set gone_at = $4::timestamptz, gone_how = coalesce($5, gone_how), gone_means = $6
  from burnbag.runs
  where ids.run_id = $1 and kind = $2 and id = $3 and runs.run_id = ids.run_id and ${heldBy('$7')}
  returning ids.run_id`;

function neverRecorded(runId: string, id: Pick<ConcreteId, 'kind' | 'id'>): JournalError {
  return new JournalError('id_not_found', {
    expected: `an id of the manifest of run ${runId}`,
    got: `${id.kind} ${id.id}, which was never recorded`,
    hint: 'record an id before it is used',
  });
}
