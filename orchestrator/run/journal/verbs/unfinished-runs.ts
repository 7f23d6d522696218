import type { Run } from '../../run.ts';
import type { Database } from '../database.ts';
import { heldBy } from '../holder.ts';
import { parseRun } from '../row.ts';

/** Every run of this holder that has not ended, quarantined ones included, the oldest first: what a new owner of the data directory takes up. */
export async function unfinishedRuns(database: Database, holder: string | null): Promise<readonly Run[]> {
  const rows = await database.query(SQL, [holder]);
  return rows.map(parseRun);
}

const SQL = `
  select * from burnbag.runs where ended_at is null and ${heldBy('$1')} order by created_at, run_id`;
