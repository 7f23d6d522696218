import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { TABLES_MAX } from '../../protocol/limits.ts';
import type { DatabaseState } from '../../protocol/shapes.ts';

/** Characters of a table's name that are told. */
const NAME_MAX_CHARS = 256;

/** Broken references that are counted: beyond it the number says nothing more. */
const VIOLATIONS_MAX = 10_000;

/** Looks at an open database: its schema's digest, how many rows each table has, and whether it is whole. Throws SQLite's error. */
export function readState(database: DatabaseSync): DatabaseState {
  const tables = database
    .prepare(
      "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') ORDER BY name",
    )
    .all()
    .map(({ name, type }) => ({ name: String(name), isVirtual: type === 'virtual' }))
    .filter(({ name }) => !name.startsWith('sqlite_'));
  return {
    schema_sha256: hashSchema(database),
    user_version: Number(database.prepare('PRAGMA user_version').get()?.['user_version']),
    tables: tables.slice(0, TABLES_MAX).map(({ name, isVirtual }) => ({
      name: name.slice(0, NAME_MAX_CHARS).toWellFormed(),
      rows: isVirtual ? null : countRows(database, name),
    })),
    tables_total: tables.length,
    integrity: database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'] === 'ok' ? 'ok' : 'damaged',
    foreign_key_violations: countViolations(database),
  };
}

/** Every row of the schema, in an order of its own: two databases with the same schema have the same digest however they came to it. */
function hashSchema(database: DatabaseSync): string {
  const hash = createHash('sha256');
  const rows = database.prepare(
    'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name, sql',
  );
  for (const { type, name, tbl_name, sql } of rows.iterate())
    hash.update(`${JSON.stringify([type, name, tbl_name, sql])}\n`);
  return hash.digest('hex');
}

/** A name is an identifier in quotes, its own quotes doubled; there is no parameter for a table. */
function countRows(database: DatabaseSync, name: string): number {
  const count = database.prepare(`SELECT count(*) AS rows FROM main."${name.replaceAll('"', '""')}"`).get();
  return Number(count?.['rows']);
}

function countViolations(database: DatabaseSync): number {
  const found = database.prepare('SELECT count(*) AS found FROM (SELECT 1 FROM pragma_foreign_key_check LIMIT ?)');
  return Number(found.get(VIOLATIONS_MAX)?.['found']);
}
