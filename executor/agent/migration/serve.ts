import * as z from 'zod';
import { Sha256 } from '../../protocol/text.ts';
import { migrate } from './migrate.ts';

/** As the catalogue's template writes them. */
const Arguments = z.tuple([Sha256, Sha256, z.enum(['true', 'false'])]);

/** Longest reason that is given on stderr. */
const REASON_MAX_CHARS = 500;

/**
 * The third way the executable is started: as the powerless user, by the root half, with the two digests and whether it is a dry run.
 * Says its report as one line of JSON. Gives the exit code.
 */
export function serveMigration(args: readonly string[], root: string): number {
  const [database_sha256, migration_sha256, dryRun] = Arguments.parse(args);
  try {
    const report = migrate(root, { database_sha256, migration_sha256, dry_run: dryRun === 'true' });
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error instanceof Error ? error.message : String(error)).slice(0, REASON_MAX_CHARS)}\n`);
    return EXIT_FAILED;
  }
}

/** It could not be tried: neither applied nor rejected. */
const EXIT_FAILED = 1;
