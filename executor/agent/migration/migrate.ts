import { chmodSync, constants, copyFileSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { INPUT_FOLDER, JOB_FOLDER } from '../../protocol/contracts.ts';
import type { DatabaseState, MigrationReport } from '../../protocol/shapes.ts';
import { openDatabase } from './open-database.ts';
import { migratedPath } from './paths.ts';
import { readState } from './state.ts';

/** Which files, by the digests that the root half has checked, and whether to leave nothing. */
export interface Migration {
  readonly database_sha256: string;
  readonly migration_sha256: string;
  readonly dry_run: boolean;
}

/**
 * Applies a migration to a copy of a database: all of it, or nothing. The copy gets its name only when the migration was applied and the
 * database is whole, so there is never a half-migrated one to find. Runs as the powerless user, in a cgroup with a deadline. Throws a system
 * error, or SQLite's where the database itself cannot be read.
 */
export function migrate(root: string, migration: Migration): MigrationReport {
  const inPlace = (path: string): string => join(root, path);
  const aside = inPlace(`${JOB_FOLDER}.migration-${process.pid}.db`);
  try {
    copyFileSync(inPlace(`${INPUT_FOLDER}${migration.database_sha256}`), aside, constants.COPYFILE_EXCL);
    chmodSync(aside, 0o644);
    const sql = readSql(inPlace(`${INPUT_FOLDER}${migration.migration_sha256}`));
    const report = applyTo(aside, sql);
    if (report.outcome === 'applied' && !migration.dry_run) renameSync(aside, inPlace(migratedPath(migration)));
    return report;
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${aside}${suffix}`, { force: true });
  }
}

function applyTo(path: string, sql: string): MigrationReport {
  const database = openDatabase(path);
  try {
    const before = readState(database);
    const rejected = (error: string): MigrationReport => ({
      outcome: 'rejected',
      error,
      changes: 0,
      before,
      after: null,
    });
    if (before.integrity !== 'ok') return rejected('the database is damaged, before anything was done to it');
    const changesBefore = totalChanges(database);
    const error = execute(database, sql);
    if (error !== undefined) return rejected(error);
    const changes = totalChanges(database) - changesBefore;
    const after = readState(database);
    const problem = problemOf(before, after);
    return problem === undefined ? { outcome: 'applied', error: null, changes, before, after } : rejected(problem);
  } finally {
    database.close();
  }
}

/** What SQLite says against it; undefined when every statement was carried out and none is open. */
function execute(database: DatabaseSync, sql: string): string | undefined {
  try {
    database.exec(sql);
  } catch (error) {
    return sayBriefly(error instanceof Error ? error.message : String(error));
  }
  return database.isTransaction ? 'it leaves a transaction open' : undefined;
}

function problemOf(before: DatabaseState, after: DatabaseState): string | undefined {
  if (after.integrity !== 'ok') return 'it leaves a damaged database';
  if (after.foreign_key_violations > before.foreign_key_violations)
    return 'it leaves references to rows that are not there';
  return undefined;
}

function totalChanges(database: DatabaseSync): number {
  return Number(database.prepare('SELECT total_changes() AS changes').get()?.['changes']);
}

/** SQLite would stop at a NUL and take what follows for nothing. */
function readSql(path: string): string {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  if (text.includes('\0')) throw new Error('expected SQL without NUL, got one');
  return text;
}

/** SQLite repeats names out of the SQL. */
function sayBriefly(message: string): string {
  return message.slice(0, 1000).toWellFormed();
}
