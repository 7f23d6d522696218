import type { RunState } from '../../lifecycle.ts';
import type { Run } from '../../run.ts';
import type { Database } from '../database.ts';
import { heldBy } from '../holder.ts';
import { parseRun } from '../row.ts';

/** The newest runs first, of one state or of all, of this holder or of everybody. */
export async function listRuns(
  database: Database,
  filter: RunFilter | undefined,
  holder: string | null,
): Promise<readonly Run[]> {
  const { state, limit = 50, own = false } = filter ?? {};
  const rows = await database.query(SQL, [state ?? null, Math.min(limit, LIMIT_MAX), own ? 'own' : 'all', holder]);
  return rows.map(parseRun);
}

export interface RunFilter {
  readonly state?: RunState;
  readonly limit?: number;
  /** Only what is this data directory's. */
  readonly own?: boolean;
}

/** A list for people and pages; whoever wants all of a long history asks the database. */
const LIMIT_MAX = 1_000;

const SQL = `
  select * from burnbag.runs where ($1::text is null or state = $1) and ($3 = 'all' or ${heldBy('$4')})
  order by created_at desc, run_id limit $2::integer`;
