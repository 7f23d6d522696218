import { escapeInline } from '../../../terminal/index.ts';
import type { ResultOf } from '../door.ts';

/** One line a bundle. */
export function renderEvidence({ bundles }: ResultOf<'evidence_ls'>): readonly string[] {
  if (bundles.length === 0) return ['no evidence yet'];
  return bundles.map(({ run_id, files, bytes, sealed_at, completeness, archived, pending, lock, burned }) => {
    const under = lock === 'rehearsal' ? ' for a REHEARSAL' : '';
    const stored = `${archived ? `archived${under}` : 'not archived'}${pending ? ' (PENDING: burnbag evidence archive)' : ''}`;
    const where = `${stored} · ${burned ? 'receipt signed' : 'no receipt'}`;
    const sealed = sealed_at === null ? 'not sealed' : `sealed ${sealed_at} · ${completeness ?? 'unknown'}`;
    return escapeInline(`${run_id}  ${files} files, ${Math.ceil(bytes / 1000)} kB · ${sealed} · ${where}`);
  });
}

/** One line a run whose evidence was owed. */
export function renderArchived({ evidence }: ResultOf<'evidence_archive'>): readonly string[] {
  if (evidence.length === 0) return ['nothing is owed to the archive'];
  return evidence.map(({ run_id, did, why }) =>
    escapeInline(`${run_id}  ${did === 'archived' ? did : 'PENDING'}  ${why}`),
  );
}

export function renderExport(result: ResultOf<'evidence_export'>): readonly string[] {
  const taken = Object.entries(result.redaction.taken).map(([rule, count]) => `${count} ${rule}`);
  return [
    `${result.format} of run ${result.run_id}: ${result.lines} lines in ${result.file}`,
    `  sha256 ${result.sha256}`,
    `  evidence ${result.verification} · redaction ${result.redaction.policy}: ${taken.length === 0 ? 'nothing taken out' : taken.join(', ')}`,
  ].map(escapeInline);
}

export function renderHold({ run_id, held, objects }: ResultOf<'evidence_hold'>): readonly string[] {
  const what = held ? 'held in the archive until released' : 'released: kept as long as their retention says';
  return [
    `run ${run_id}: ${objects.length} objects ${what}`,
    ...objects.map(({ name, version_id }) => escapeInline(`  ${held ? '■' : '□'} ${name}  version ${version_id}`)),
  ];
}

export function renderCustody({ entries, head, problem }: ResultOf<'evidence_custody'>): readonly string[] {
  return [
    ...entries.map(({ seq, at, who, act, run_id, detail, sha256 }) =>
      escapeInline(`${seq}  ${at}  ${who}  ${act} ${run_id}  ${detail}${sha256 === null ? '' : ` · sha256 ${sha256}`}`),
    ),
    problem === null
      ? `the log is whole; its head is ${head}`
      : escapeInline(`THE LOG IS NOT WHOLE: ${problem}; what is above stands before that`),
  ];
}
