import * as z from 'zod';
import { ACTION_ARGS } from '../../protocol/action.ts';

/**
 * The one thing the root half does for the executor: run an uploaded script as the powerless user. There is no path and no user in it,
 * so whoever holds the executor's half can still only start, without power, what was uploaded.
 */
export const SpawnRequest = z.strictObject({
  sha256: ACTION_ARGS.run_script.shape.sha256,
  args: ACTION_ARGS.run_script.shape.args,
  timeout_ms: z.int().min(1).max(3_600_000),
});
export type SpawnRequest = z.infer<typeof SpawnRequest>;

/** Longest request: all arguments at their limit, every character escaped. */
export const SPAWN_REQUEST_MAX_BYTES = 2 * 1024 * 1024;
