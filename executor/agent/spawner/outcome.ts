import * as z from 'zod';
import { ACTION_RESULTS, Failure } from '../../protocol/index.ts';

/** How a script ended, as the root half saw it. */
export const Outcome = z.strictObject({
  exit_code: ACTION_RESULTS.run_script.shape.exit_code,
  signal: ACTION_RESULTS.run_script.shape.signal,
  timed_out: z.boolean(),
  out_of_memory: z.boolean(),
  duration_ms: z.int().min(0),
  first_output_ms: z.int().min(0).nullable(),
});
export type Outcome = z.infer<typeof Outcome>;

export const Started = z.strictObject({ pid: z.int().min(1) });
export const SpawnFailed = Failure;
