import { type Database, DatabaseError } from './database.ts';
import { JournalError } from './error.ts';
import { MIGRATIONS } from './migrations.ts';

/** Brings the tables up to this version. Two processes may do so at once: the slower one finds it done. */
export async function migrate(database: Database): Promise<void> {
  const found = await readVersion(database);
  if (found > MIGRATIONS.length) throw newer(found);
  for (const [index, { name, sql }] of MIGRATIONS.entries()) {
    if (index >= found) await apply(database, index + 1, name, sql);
  }
}

/** Any two numbers nobody else is likely to use: they name this lock on a server that others share. */
const MIGRATION_LOCK = '620661, 1';

async function apply(database: Database, id: number, name: string, sql: string): Promise<void> {
  const script = `
    select pg_advisory_xact_lock(${MIGRATION_LOCK});
    ${sql}
    insert into burnbag.migrations (id, name) values (${id}, '${name}');`;
  try {
    await database.script(script);
  } catch (error) {
    if ((await readVersion(database)) < id) throw error;
  }
}

async function readVersion(database: Database): Promise<number> {
  try {
    const [row] = await database.query('select max(id) as version from burnbag.migrations');
    return Number(row?.['version'] ?? 0);
  } catch (error) {
    if (error instanceof DatabaseError && NO_TABLES_YET.has(error.code)) return 0;
    throw error;
  }
}

/** SQLSTATE: undefined_table, invalid_schema_name. */
const NO_TABLES_YET: ReadonlySet<string> = new Set(['42P01', '3F000']);

function newer(found: number): JournalError {
  return new JournalError('journal_newer', {
    expected: `a journal of version ${MIGRATIONS.length} or older`,
    got: `version ${found}`,
    hint: 'a newer Burnbag wrote it: use that one, or another data directory',
  });
}
