import { JOB_FOLDER } from '../../protocol/contracts.ts';

/** Where a migrated database is left: one name per database and migration. */
export function migratedPath(migration: {
  readonly database_sha256: string;
  readonly migration_sha256: string;
}): string {
  const { database_sha256, migration_sha256 } = migration;
  return `${JOB_FOLDER}migrated-${database_sha256.slice(0, 16)}-${migration_sha256.slice(0, 16)}.db`;
}
