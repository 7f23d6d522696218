import type { Answer } from '../../../../executor/protocol/index.ts';
import { renderOutput } from '../../../report/index.ts';
import { escapeInline } from '../../../terminal/index.ts';

/** Lines of each output stream that are shown; the rest is in the evidence. */
const OUTPUT_LINES = 40;

/** What an action answered; a script's output is shown, the rest is a line. */
export function renderAnswer(answer: Answer, width: number): string[] {
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
  if (answer.action === 'run_migration') return renderMigration(answer.result).map(escapeInline);
  if (answer.action === 'inspect_file') {
    const { type, detail, bytes, sha256 } = answer.result;
    return [
      escapeInline(`Inspected: ${type}${detail === '' ? '' : ` (${detail})`} · ${bytes} bytes · sha256 ${sha256}`),
    ];
  }
  if (answer.action === 'restart_service') {
    const { unit, old_pid, new_pid } = answer.result;
    return [`Restarted: ${unit} · process ${old_pid ?? 'none'} → ${new_pid}`];
  }
  return [];
}

type Migration = Extract<Answer, { status: 'ok'; action: 'run_migration' }>['result'];

/** What a migration did, or would do: rows of each table that has other ones than before, and where the files lie. */
function renderMigration({ dry_run, outcome, error, changes, before, after, backup, database }: Migration): string[] {
  const head = `Migration ${outcome}${dry_run ? ' (dry run: nothing was kept)' : ''}`;
  if (after === null) return [head, `  ${error ?? 'no reason was given'}`];
  const rowsOf = (state: typeof before) => new Map(state.tables.map(({ name, rows }) => [name, rows]));
  const [was, is] = [rowsOf(before), rowsOf(after)];
  const names = [...new Set([...was.keys(), ...is.keys()])];
  const changed = names.filter((name) => was.get(name) !== is.get(name)).slice(0, OUTPUT_LINES);
  return [
    `${head} · ${changes} rows changed · schema ${before.schema_sha256 === after.schema_sha256 ? 'as before' : 'changed'}`,
    ...changed.map((name) => `  ${name}: ${was.get(name) ?? 'absent'} → ${is.get(name) ?? 'absent'} rows`),
    ...[backup, database].flatMap((file) => (file === null ? [] : [`  ${file.path} · sha256 ${file.sha256}`])),
  ];
}
