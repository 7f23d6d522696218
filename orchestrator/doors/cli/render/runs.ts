import { escapeInline, truncate } from '../../../terminal/index.ts';
import type { ResultOf } from '../door.ts';

/** One line a run. */
export function renderRuns({ runs }: ResultOf<'runs'>, width: number): readonly string[] {
  if (runs.length === 0) return ['no runs'];
  const header = `${'RUN'.padEnd(14)}${'STATE'.padEnd(19)}${'OUTCOME'.padEnd(13)}${'ISOLATION'.padEnd(11)}${'ASKED'.padEnd(26)}WHAT`;
  const rows = runs.map(
    (run) =>
      `${run.run_id.padEnd(14)}${run.state.padEnd(19)}${(run.outcome ?? '').padEnd(13)}${(run.isolation ?? '').padEnd(11)}${run.created_at.padEnd(26)}${escapeInline(run.label)}`,
  );
  const owed = runs.filter(({ evidence_pending: isPending }) => isPending).map(({ run_id }) => run_id);
  const note = `evidence pending: burnbag evidence archive (${owed.join(', ')})`;
  return [header, ...rows, ...(owed.length === 0 ? [] : [note])].map((line) => truncate(line, width));
}
