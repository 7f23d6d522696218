import * as z from 'zod';
import { ACTION_ARGS } from '../../protocol/action.ts';

/**
 * All that the root half does for the executor, each with a shape of its own. There is no path, user or program in any of them, so whoever
 * holds the executor's half can still only start, without power, what was uploaded, and ask the kernel how its audit is doing.
 */
export const SpawnRequest = z.discriminatedUnion('do', [
  /** Runs an uploaded script as the powerless user. */
  z.strictObject({
    do: z.literal('run_script'),
    sha256: ACTION_ARGS.run_script.shape.sha256,
    args: ACTION_ARGS.run_script.shape.args,
    timeout_ms: z.int().min(1).max(3_600_000),
  }),
  /** Asks the kernel for the state of its audit: only root may. */
  z.strictObject({ do: z.literal('audit_status') }),
]);
export type SpawnRequest = z.infer<typeof SpawnRequest>;

/** The request to run a script. */
export type ScriptRequest = Extract<SpawnRequest, { do: 'run_script' }>;

/** Longest request: all arguments at their limit, every character escaped. */
export const SPAWN_REQUEST_MAX_BYTES = 2 * 1024 * 1024;
