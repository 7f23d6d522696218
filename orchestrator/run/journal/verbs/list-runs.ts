import type { RunState } from '../../lifecycle.ts';
import type { Run } from '../../run.ts';
import type { Database } from '../database.ts';
import { parseRun } from '../row.ts';

/** The newest runs first, of one state or of all. */
export async function listRuns(database: Database, { state, limit = 50 }: RunFilter = {}): Promise<readonly Run[]> {
  const rows = await database.query(SQL, [state ?? null, Math.min(limit, LIMIT_MAX)]);
  return rows.map(parseRun);
}

export interface RunFilter {
  readonly state?: RunState;
  readonly limit?: number;
}

/** A list for people and pages; whoever wants all of a long history asks the database. */
const LIMIT_MAX = 1_000;

const SQL = `
  select * from burnbag.runs where $1::text is null or state = $1
  order by created_at desc, run_id limit $2::integer`;
