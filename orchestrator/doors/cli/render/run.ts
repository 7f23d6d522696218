import { renderReport } from '../../../report/index.ts';
import type { RunResult, RunSummary } from '../../../run/summary.ts';
import { escapeInline } from '../../../terminal/index.ts';
import { renderAnswer } from './answer.ts';

/** A run after its end, for people: what it printed, what it did, what went wrong, where the proof lies. All it said is escaped. */
export function renderRun(run: RunSummary, width: number): readonly string[] {
  const { result } = run;
  if (result === null) return [headline(run)];
  return [
    ...result.answers.flatMap((answer) => renderAnswer(answer, width)),
    ...result.unknown_actions.map(
      ({ request_id, action }) =>
        `Unknown: request ${request_id} (${action}) was sent and never answered; it may have happened, and is not sent again`,
    ),
    ...renderWhatItDid(run, result, width),
    ...result.failures.flatMap(({ code, expected, got, hint }) =>
      [`Failed: ${code}`, `  expected ${expected}`, `  got      ${got}`, `  hint     ${hint}`].map(escapeInline),
    ),
    ...renderProof(run, result),
    headline(run),
  ];
}

function headline(run: RunSummary): string {
  const how = run.outcome === null ? run.state : `${run.outcome}, sandbox ${run.state}`;
  const isolation = run.isolation === null ? '' : ` · isolation: ${run.isolation}`;
  return `Run ${run.run_id}: ${how}${isolation}${run.result === null && run.why !== null ? ` (${escapeInline(run.why)})` : ''}`;
}

function renderWhatItDid(run: RunSummary, { report }: RunResult, width: number): string[] {
  if (report === null) return [];
  const labels = Object.fromEntries(report.scripts.map(({ sha256 }) => [sha256, run.label]));
  return renderReport(report, { width, color: process.stdout.isTTY, labels });
}

function renderProof(run: RunSummary, { evidence, burn, first_output_ms: first }: RunResult): string[] {
  const lines = [];
  if (first !== null) lines.push(`First output after ${(first / 1000).toFixed(1)} s`);
  if (evidence !== null) {
    lines.push(`Evidence   ${evidence.folder} · ${evidence.verdict}   check it: ./burnbag verify ${run.run_id}`);
    lines.push(...renderTimestamp(evidence.timestamp));
    lines.push(
      ...evidence.findings
        .slice(0, 5)
        .map(
          ({ stream, code, detail }) =>
            `  ${evidence.verdict}: ${stream}: ${code}${detail === '' ? '' : ` (${detail})`}`,
        ),
    );
  }
  if (burn !== null && burn.not_gone.length > 0) {
    lines.push(
      'NOT PROVEN GONE (quarantined; tried again at the next start):',
      ...burn.not_gone.map(({ kind, id, why }) => `  ${kind} ${id}: ${why}`),
    );
  }
  return lines.map(escapeInline);
}

function renderTimestamp(timestamp: NonNullable<RunResult['evidence']>['timestamp']): string[] {
  if (timestamp === null) return [];
  const { at, authority, why } = timestamp;
  return [at === null ? `  timestamp: none (${why ?? 'unknown'})` : `  timestamp: ${at} by ${authority ?? 'unknown'}`];
}
