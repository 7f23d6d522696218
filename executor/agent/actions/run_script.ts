import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import type { Context } from '../action.ts';
import { runProgram } from '../run-program.ts';

/** Runs an uploaded script as the powerless user; how it ended is its result, whatever that is. */
export async function run(args: ActionArgs<'run_script'>, context: Context): Promise<ActionResult<'run_script'>> {
  return runProgram({ do: 'run_script', sha256: args.sha256, args: args.args }, args.timeout_seconds, context);
}
