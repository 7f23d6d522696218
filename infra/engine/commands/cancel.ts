import { breakLocks } from '../backend/lock.ts';
import { endUnderway } from '../run/underway.ts';
import { readStackFile } from '../state/stack-file.ts';
import type { CommandContext, Written } from './command.ts';

/**
 * `cancel`: ends what this process is doing to the stack, then removes every lock. An operation of another process is not
 * signalled, only its lock is taken away: that is what `pulumi cancel` does, too.
 */
export async function cancelStack({ workspace, stack }: CommandContext): Promise<Written> {
  const files = workspace.files(stack);
  await readStackFile(files);
  await endUnderway(files.state);
  await breakLocks(files);
  return {};
}
