import type { Run } from '../../run.ts';
import type { Database } from '../database.ts';
import { parseRun } from '../row.ts';

/** Every run that has not ended, quarantined ones included, the oldest first: what a new owner of the journal takes up. */
export async function unfinishedRuns(database: Database): Promise<readonly Run[]> {
  const rows = await database.query('select * from burnbag.runs where ended_at is null order by created_at, run_id');
  return rows.map(parseRun);
}
