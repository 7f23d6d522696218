import type { Run } from '../../run.ts';
import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { parseRun } from '../row.ts';

/** Finds one run by its id or by the start of it, at least 4 digits. Rejects with `bad_run_id`, `run_not_found` or `run_ambiguous`. */
export async function getRun(database: Database, idOrPrefix: string): Promise<Run> {
  if (!RUN_ID_PREFIX.test(idOrPrefix)) throw badRunId(idOrPrefix);
  // All ids are lowercase hex, so every continuation of a prefix sorts before the prefix followed by "g".
  const rows = await database.query(SQL, [idOrPrefix, `${idOrPrefix}g`, CANDIDATES_SHOWN + 1]);
  const [row] = rows;
  if (row === undefined) throw notFound(idOrPrefix);
  if (rows.length > 1)
    throw ambiguous(
      idOrPrefix,
      rows.map((candidate) => parseRun(candidate).runId),
    );
  return parseRun(row);
}

/** Four digits tell 65,536 runs apart: shorter ones would be mistyped into somebody else's run. */
const RUN_ID_PREFIX = /^[0-9a-f]{4,12}$/;

/** More candidates than these do not help anybody choose. */
const CANDIDATES_SHOWN = 5;

const SQL = `select * from burnbag.runs where run_id >= $1 and run_id < $2 order by run_id limit $3::integer`;

function badRunId(got: string): JournalError {
  return new JournalError('bad_run_id', {
    expected: 'a run id: 12 hex digits, or the first 4 or more of them',
    got: JSON.stringify(got.slice(0, 40)),
    hint: '`burnbag runs` lists the ids',
  });
}

function notFound(got: string): JournalError {
  return new JournalError('run_not_found', {
    expected: 'the id of a run',
    got: `${got}, which no run has`,
    hint: '`burnbag runs` lists the ids',
  });
}

function ambiguous(got: string, candidates: readonly string[]): JournalError {
  const shown = candidates.slice(0, CANDIDATES_SHOWN).join(', ');
  return new JournalError('run_ambiguous', {
    expected: 'digits that only one run’s id starts with',
    got: `${got}, as in ${shown}${candidates.length > CANDIDATES_SHOWN ? ' and more' : ''}`,
    hint: 'give more digits',
  });
}
