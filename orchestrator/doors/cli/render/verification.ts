import { linesOf } from '../../../evidence/index.ts';
import { escapeInline, truncate } from '../../../terminal/index.ts';
import type { ResultOf } from '../door.ts';

/** The checks one by one, then the verdict, with the first thing that is wrong. */
export function renderVerification(result: ResultOf<'verify'>, width: number): readonly string[] {
  return linesOf(result).map((line) => truncate(escapeInline(line), Math.max(width, 60)));
}
