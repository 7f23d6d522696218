import * as z from 'zod';
import { CONTRACTS } from '../../protocol/contracts.ts';
import { SCRIPT_MAX_SECONDS } from '../../protocol/limits.ts';
import { Sha256, UnitName } from '../../protocol/text.ts';

const timeout_ms = z
  .int()
  .min(1)
  .max(SCRIPT_MAX_SECONDS * 1000);

/**
 * All that the root half does for the executor, each with a shape of its own. There is no path, user or program in any of them, so whoever
 * holds the executor's half can still only start, without power, what was uploaded, restart what the catalogue lists, and ask the kernel how
 * its audit is doing.
 */
export const SpawnRequest = z.discriminatedUnion('do', [
  /** Runs an uploaded script as the powerless user. */
  z.strictObject({
    do: z.literal('run_script'),
    sha256: CONTRACTS.run_script.args.shape.sha256,
    args: CONTRACTS.run_script.args.shape.args,
    timeout_ms,
  }),
  /** Applies an uploaded SQL file to a copy of an uploaded database, as the powerless user. */
  z.strictObject({
    do: z.literal('run_migration'),
    database_sha256: Sha256,
    migration_sha256: Sha256,
    dry_run: z.boolean(),
    timeout_ms,
  }),
  /** Ends a service of the catalogue and starts it anew. */
  z.strictObject({ do: z.literal('restart_service'), unit: UnitName }),
  /** Asks the kernel for the state of its audit: only root may. */
  z.strictObject({ do: z.literal('audit_status') }),
]);
export type SpawnRequest = z.infer<typeof SpawnRequest>;

/** Those that start a program with output and a deadline. */
export type ProgramRequest = Extract<SpawnRequest, { timeout_ms: number }>;

/** Longest request: all arguments at their limit, every character escaped. */
export const SPAWN_REQUEST_MAX_BYTES = 2 * 1024 * 1024;
