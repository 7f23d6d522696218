import { DatabaseSync } from 'node:sqlite';
import { authorize } from './authorize.ts';

/** Largest database that a migration may make: sixteen times the largest upload, a quarter of the smallest scratch disk. */
export const DATABASE_MAX_BYTES = 64 * 1024 * 1024;

/** Memory that SQLite may take: its error says more than the kernel's kill, which comes later. */
const HEAP_MAX_BYTES = 96 * 1024 * 1024;

/** SQLite's own limits (sqlite3_limit): far above what a migration needs, far below what hurts. */
const LIMITS = {
  /** Second to the authorizer: no other file, also if that were not asked. */
  attach: 0,
  length: 16 * 1024 * 1024,
  sqlLength: 8 * 1024 * 1024,
  exprDepth: 250,
  vdbeOp: 10_000_000,
  likePatternLength: 1_000,
  triggerDepth: 100,
};

/**
 * Opens a database that nobody vouches for, to apply SQL that nobody vouches for: no extension, no other file, no change of the schema but by
 * statements, no function with effects called from the schema, bounded in size and memory. Throws SQLite's error.
 */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, {
    allowExtension: false,
    defensive: true,
    enableForeignKeyConstraints: true,
    enableDoubleQuotedStringLiterals: false,
    limits: LIMITS,
  });
  try {
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY');
    database.exec(`PRAGMA hard_heap_limit = ${HEAP_MAX_BYTES}`);
    // One file at the end, and nothing beside it that the next reader would need.
    database.exec('PRAGMA journal_mode = DELETE');
    const pageBytes = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
    database.exec(`PRAGMA max_page_count = ${Math.floor(DATABASE_MAX_BYTES / pageBytes)}`);
    database.setAuthorizer(authorize);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
