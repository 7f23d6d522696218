import type { Completeness } from '../format/findings.ts';
import type { Check } from './check-list.ts';
import type { Verification } from './verify-bundle.ts';

/** A verification as a document: what `burnbag verify --json` prints, and verify.mjs --json too. */
export interface VerificationReport {
  readonly schema: 'burnbag.verification/1';
  readonly folder: string;
  readonly verdict: Verification['verdict'];
  readonly first_failure: Check | null;
  readonly completeness: Completeness | null;
  readonly bytes: number;
  readonly duration_ms: number;
  readonly checks: readonly Check[];
}

export function reportOf(folder: string, found: Verification): VerificationReport {
  return {
    schema: 'burnbag.verification/1',
    folder,
    verdict: found.verdict,
    first_failure: found.firstFailure ?? null,
    completeness: found.manifest?.verdict ?? null,
    bytes: found.bytes,
    duration_ms: found.durationMs,
    checks: found.checks,
  };
}

const MARKS = { ok: '✔', failed: '✘', not_checked: '?', not_asked: '·', skipped: '·' } as const;
const WORDS = {
  verified: 'verified: nothing was changed, and the signers are ones you trust',
  self_consistent: 'NOT VERIFIED: consistent with itself, but nobody said whose signatures count',
  refused: 'REFUSED: do not rely on this evidence',
} as const;

/** The checks one by one, then the verdict, with the first thing that is wrong. What the bundle says is in it as it is: escape before printing. */
export function linesOf(report: VerificationReport): readonly string[] {
  const wrong = report.first_failure;
  return [
    `evidence in ${report.folder}`,
    ...report.checks.map(rowOf),
    '',
    WORDS[report.verdict],
    ...(wrong === null ? [] : [`  first thing wrong: ${wrong.what}`, `  ${wrong.detail}`]),
    ...(report.verdict === 'refused' || report.completeness === null ? [] : [`completeness: ${report.completeness}`]),
    `${report.bytes} bytes of evidence in ${report.duration_ms} ms`,
  ];
}

/** Of what nobody asked for, what would hold is left out: it reads as if something were in doubt. */
function rowOf({ status, what, detail }: Check): string {
  if (status === 'not_asked') return `  ${MARKS[status]} ${detail}`;
  return `  ${MARKS[status]} ${what}${detail === '' ? '' : ` · ${detail}`}`;
}
