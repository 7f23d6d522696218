import type { Answer } from '../../../../executor/protocol/index.ts';
import { renderOutput, renderReport } from '../../../report/index.ts';
import type { RunResult, RunSummary } from '../../../run/summary.ts';
import { escapeInline } from '../../../terminal/index.ts';

/** Lines of each output stream that are shown; the rest is in the evidence. */
const OUTPUT_LINES = 40;

/** A run after its end, for people: what it printed, what it did, what went wrong, where the proof lies. All it said is escaped. */
export function renderRun(run: RunSummary, width: number): readonly string[] {
  const { result } = run;
  if (result === null) return [headline(run)];
  return [
    ...result.answers.flatMap((answer) => renderAnswer(answer, width)),
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
  return `Run ${run.run_id}: ${how}${run.result === null && run.why !== null ? ` (${escapeInline(run.why)})` : ''}`;
}

/** What an action answered; a script's output is shown, the rest is a line. */
function renderAnswer(answer: Answer, width: number): string[] {
  if (answer.status !== 'ok') {
    const { code, expected, got, hint } = answer.error;
    return [`Action ${answer.id ?? '?'} ${answer.status}: ${code}`, `  expected ${expected}, got ${got}; ${hint}`].map(
      escapeInline,
    );
  }
  if (answer.action === 'run_script') {
    return (['stdout', 'stderr'] as const).flatMap((name) => {
      const lines = renderOutput(answer.result[name], { width: width - 2, maxLines: OUTPUT_LINES });
      return lines.length === 0
        ? []
        : [name === 'stdout' ? 'What it printed' : 'What it printed on stderr', ...lines.map((line) => `  ${line}`)];
    });
  }
  if (answer.action === 'read_file' || answer.action === 'tail_log') {
    return [
      `${answer.action}:`,
      ...renderOutput(answer.result, { width: width - 2, maxLines: OUTPUT_LINES }).map((line) => `  ${line}`),
    ];
  }
  if (answer.action === 'list_files') {
    const rows = answer.result.entries
      .slice(0, OUTPUT_LINES)
      .map((entry) => `  ${entry.mode} ${String(entry.size).padStart(9)} ${escapeInline(entry.path)}`);
    return rows.length === 0 ? [] : ['What lies there afterwards', ...rows];
  }
  return [];
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
