import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import { EXCERPT_MAX_BYTES } from '../../protocol/limits.ts';
import { openFile } from '../files/open.ts';
import { readPart } from '../files/read-part.ts';
import { excerptOf } from '../output/excerpt.ts';
import type { Context } from '../action.ts';

const NEWLINE = 0x0a;

/** Shows the last lines of a file, as many as fit into one answer. */
export function run({ path, lines }: ActionArgs<'tail_log'>, { guest }: Context): ActionResult<'tail_log'> {
  using file = openFile(guest.root, path);
  const { size } = file.stat();
  const from = Math.max(0, size - EXCERPT_MAX_BYTES);
  const end = readPart(file, from, Math.min(size, EXCERPT_MAX_BYTES));
  const start = startOfTail(end, lines, from === 0);
  return excerptOf(end.subarray(start), from + start, Math.max(size, from + end.length));
}

/** Where the last `lines` lines begin. A newline at the very end ends the last line and begins none. */
function startOfTail(bytes: Buffer, lines: number, isWholeFile: boolean): number {
  let start = bytes.length;
  for (let seen = 0; seen < lines; seen++) {
    const before = start < 2 ? -1 : bytes.lastIndexOf(NEWLINE, start - 2);
    if (before === -1) return isWholeFile ? 0 : firstWholeLine(bytes, start);
    start = before + 1;
  }
  return start;
}

/** The part begins in the middle of a line: that line is left out, unless it is all there is. */
function firstWholeLine(bytes: Buffer, start: number): number {
  return start === bytes.length ? 0 : start;
}
