import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import { openFile } from '../files/open.ts';
import { readPart } from '../files/read-part.ts';
import { excerptOf } from '../output/excerpt.ts';
import type { Context } from '../action.ts';

/** Fetches exactly these bytes of a file, in base64; `truncated` when they are not the whole file. */
export function run({ path, offset, length }: ActionArgs<'get_file'>, { guest }: Context): ActionResult<'get_file'> {
  using file = openFile(guest.root, path);
  const bytes = readPart(file, offset, length);
  const fileBytes = Math.max(file.stat().size, bytes.length === 0 ? 0 : offset + bytes.length);
  return excerptOf(bytes, offset, fileBytes, { encoding: 'base64', data: bytes.toString('base64') });
}
