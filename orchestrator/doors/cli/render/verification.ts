import { escapeInline, truncate } from '../../../terminal/index.ts';
import type { ResultOf } from '../door.ts';

const MARKS = { ok: '✔', failed: '✘', not_checked: '?', skipped: '·' } as const;
const VERDICTS = {
  verified: 'verified: nothing was changed, and the signers are ones you trust',
  self_consistent: 'NOT VERIFIED: consistent with itself, but nobody said whose signatures count',
  refused: 'REFUSED: do not rely on this evidence',
} as const;

/** The checks one by one, then the verdict, with the first thing that is wrong. */
export function renderVerification(result: ResultOf<'verify'>, width: number): readonly string[] {
  const rows = result.checks.map(
    ({ status, what, detail }) => `  ${MARKS[status]} ${what}${detail === '' ? '' : ` · ${detail}`}`,
  );
  const wrong = result.first_failure;
  return [
    `evidence in ${result.folder}`,
    ...rows,
    '',
    VERDICTS[result.verdict],
    ...(wrong === null ? [] : [`  first thing wrong: ${wrong.what}`, `  ${wrong.detail}`]),
    ...(result.verdict === 'refused' || result.completeness === null ? [] : [`completeness: ${result.completeness}`]),
    `${result.bytes} bytes in ${result.duration_ms} ms`,
  ].map((line) => truncate(escapeInline(line), Math.max(width, 60)));
}
