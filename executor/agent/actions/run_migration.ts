import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import { INPUT_FOLDER } from '../../protocol/contracts.ts';
import { FILE_MAX_BYTES } from '../../protocol/limits.ts';
import { MigrationReport, type MadeFile } from '../../protocol/shapes.ts';
import type { Context } from '../action.ts';
import { ActionFailure } from '../failure.ts';
import { hashFile } from '../files/hash-file.ts';
import { openFile } from '../files/open.ts';
import { readPart } from '../files/read-part.ts';
import { writeNew } from '../files/write-new.ts';
import { migratedPath } from '../migration/paths.ts';
import { runProgram, type ProgramResult } from '../run-program.ts';
import { parseStrictJson } from '../session/strict-json.ts';

/** Members and elements of a report: both lists of tables at their limit, and the rest. */
const REPORT_VALUES_MAX = 4096;

/**
 * Applies a migration to a copy of a database, after the database was backed up where the migration cannot write. SQLite runs as the
 * powerless user, confined as a script is; what it says is checked to be a report and no more, and files are hashed here, not there.
 */
export async function run(args: ActionArgs<'run_migration'>, context: Context): Promise<ActionResult<'run_migration'>> {
  const { database_sha256, migration_sha256, dry_run, timeout_seconds } = args;
  const { root } = context.guest;
  const started = performance.now();
  const backup = dry_run ? null : backUp(root, args);
  const asked = { do: 'run_migration', database_sha256, migration_sha256, dry_run } as const;
  const ended = await runProgram(asked, timeout_seconds, context);
  const report = readReport(ended);
  const database = report.outcome === 'applied' && !dry_run ? look(root, migratedPath(args)) : null;
  const duration_ms = Math.round(performance.now() - started);
  return { ...report, dry_run, backup, database, duration_ms, pid: ended.pid };
}

/** Only agent-runner may write to the input folder. */
function backUp(root: string, { database_sha256, migration_sha256 }: ActionArgs<'run_migration'>): MadeFile {
  using file = openFile(root, `${INPUT_FOLDER}${database_sha256}`);
  const content = readPart(file, 0, FILE_MAX_BYTES + 1);
  const name = `backup-${database_sha256.slice(0, 16)}-${migration_sha256.slice(0, 16)}.db`;
  return writeNew(root, `${INPUT_FOLDER}${name}`, content, database_sha256);
}

/** Everything that ran has ended by now, so what is looked at stays. */
function look(root: string, path: string): MadeFile {
  using file = openFile(root, path);
  return { path, bytes: file.stat().size, sha256: hashFile(file) };
}

function readReport({ exit_code, signal, timed_out, out_of_memory, stdout, stderr }: ProgramResult): MigrationReport {
  if (timed_out) throw failed('its deadline', 'ask for more time, or look for a statement without end');
  if (out_of_memory) throw failed('its limit of memory', 'the catalogue says how much a confined program may use');
  if (exit_code !== 0) {
    const said = stderr.encoding === 'utf8' ? stderr.data.trim() : '';
    throw failed(
      `exit ${exit_code ?? signal ?? 'nothing'}: ${said.slice(0, 500)}`,
      'nothing was changed; is it an SQLite database?',
    );
  }
  const json = parseStrictJson(stdout.encoding === 'utf8' ? stdout.data : '', { valuesMax: REPORT_VALUES_MAX });
  const report = MigrationReport.safeParse(json.ok ? json.value : undefined);
  if (report.success) return report.data;
  throw failed('another output', 'SQLite was made to do something else: keep the evidence');
}

function failed(got: string, hint: string): ActionFailure {
  return new ActionFailure('MIGRATION_FAILED', { expected: 'a report of the migration', got, hint });
}
