import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import type { Context } from '../action.ts';
import { askRestart } from '../spawner/client.ts';

/** Has the root half end one service of the machine and start it anew. */
export async function run(
  { unit }: ActionArgs<'restart_service'>,
  { guest, signal }: Context,
): Promise<ActionResult<'restart_service'>> {
  return { unit, ...(await askRestart(unit, guest, signal)) };
}
