import * as z from 'zod';
import type { ActionResult } from '../../protocol/answer.ts';

const Count = z.int().min(0);

/** How a script ended, as the root half saw it; the fields are the answer's. */
export const Outcome = z.strictObject({
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  timed_out: z.boolean(),
  out_of_memory: z.boolean(),
  duration_ms: Count,
  first_output_ms: Count.nullable(),
});
export type Outcome = Pick<ActionResult<'run_script'>, keyof z.infer<typeof Outcome>>;

/** That a script was started, and as which process. */
export const Started = z.strictObject({ pid: z.int().min(1) });
