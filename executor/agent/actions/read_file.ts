import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import { openFile } from '../files/open.ts';
import { readPart } from '../files/read-part.ts';
import { trimSplitCharacter } from '../output/encode.ts';
import { excerptOf } from '../output/excerpt.ts';
import type { Context } from '../action.ts';

/** Shows the start of a file, as text where it is text. */
export function run(
  { path, max_bytes: maxBytes }: ActionArgs<'read_file'>,
  { guest }: Context,
): ActionResult<'read_file'> {
  using file = openFile(guest.root, path);
  const bytes = readPart(file, 0, maxBytes);
  const fileBytes = Math.max(file.stat().size, bytes.length);
  return excerptOf(bytes.length < fileBytes ? trimSplitCharacter(bytes) : bytes, 0, fileBytes);
}
