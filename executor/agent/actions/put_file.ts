import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import type { Context } from '../action.ts';
import { writeNew } from '../files/write-new.ts';

/** Writes one file under a name that is free. */
export function run(
  { path, content_base64, sha256 }: ActionArgs<'put_file'>,
  { guest }: Context,
): ActionResult<'put_file'> {
  return writeNew(guest.root, path, Buffer.from(content_base64, 'base64'), sha256);
}
