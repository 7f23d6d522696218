import { escapeInline, truncate } from '../../../terminal/index.ts';
import type { ResultOf } from '../door.ts';

const DID = { burned: 'burned', would_burn: 'would burn', stopped: 'stopped', left: 'LEFT' } as const;

/** One line a run, and what it comes to. */
export function renderSweep(result: ResultOf<'reap'>, width: number): readonly string[] {
  const rows = result.runs.map(
    ({ run_id, did, ids, why }) =>
      `${run_id.padEnd(14)}${DID[did].padEnd(12)}${String(ids).padStart(4)} ids   ${escapeInline(why)}`,
  );
  const owed = result.evidence.map(
    ({ run_id, did, why }) =>
      `${run_id.padEnd(14)}evidence ${did === 'archived' ? did : 'PENDING'}   ${escapeInline(why)}`,
  );
  return [...[...rows, ...owed].map((row) => truncate(row, width)), conclusion(result)];
}

function conclusion({ as, clean, dry_run: dryRun, runs, quarantined, duration_ms: ms }: ResultOf<'reap'>): string {
  const took = `(${(ms / 1000).toFixed(1)} s)`;
  if (as === 'bystander')
    return `another process has this data directory and does not answer: nothing but what is overdue was touched ${took}`;
  if (quarantined.length > 0)
    return `${quarantined.length} runs are QUARANTINED, not proven gone: burnbag runs --quarantined ${took}`;
  if (dryRun) return `a dry run: nothing was burned ${took}`;
  return clean
    ? `${runs.length === 0 ? 'nothing was left behind' : 'nothing is left behind any more'} ${took}`
    : `something is left: see above ${took}`;
}
