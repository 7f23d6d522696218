import * as z from 'zod';
import {
  EXCERPT_MAX_BYTES,
  FETCH_MAX_BYTES,
  FILE_MAX_BYTES,
  LIST_MAX_ENTRIES,
  SCRIPT_ARG_MAX_CHARS,
  SCRIPT_ARGS_MAX,
  SCRIPT_MAX_SECONDS,
  STRING_MIN_CHARS_MAX,
  STRINGS_MAX,
  TAIL_MAX_LINES,
} from './limits.ts';
import type { Measure } from './measure.ts';
import { GuestPath, isWithin, PathRule } from './path.ts';
import {
  Count,
  Ended,
  Excerpt,
  FileEntry,
  Health,
  Inspection,
  MadeFile,
  MigrationReport,
  Output,
  ProcessEntry,
  SocketEntry,
} from './shapes.ts';
import { Base64, Sha256, UnitName } from './text.ts';

/** Where uploaded files lie; only the executor writes there, and nothing there changes once it is complete. */
export const INPUT_FOLDER = '/work/in/';

/** Where a script runs and leaves its files. */
export const JOB_FOLDER = '/work/job/';

const paths = z.array(PathRule).min(1).max(64);
const sha256 = z.array(Sha256).min(1).max(64);
const max_bytes = z.int().min(1).max(FILE_MAX_BYTES);
const max_seconds = z.int().min(1).max(SCRIPT_MAX_SECONDS);
const none = z.strictObject({});

/**
 * Every action, by name: what it takes, what it gives, which of its limits a grant states, how a request is measured against them, and what
 * it is about, for the record (paths and digests, never content). One row here, one in the catalogue and one file in the agent make an
 * action; what else knows actions is derived from this table.
 */
export const CONTRACTS = {
  /** Uploads one file; `sha256` is of the decoded content. An existing file is never replaced. */
  put_file: contract({
    args: z.strictObject({
      path: GuestPath.refine(
        (path) => isWithin(path, [INPUT_FOLDER]) && `${path}/` !== INPUT_FOLDER,
        `expected a path under ${INPUT_FOLDER}`,
      ),
      content_base64: Base64.max(Math.ceil(FILE_MAX_BYTES / 3) * 4),
      sha256: Sha256,
    }),
    result: MadeFile,
    limits: z.strictObject({ paths, max_bytes }),
    measure: ({ path, content_base64 }) => ({ paths: [path], bytes: decodedLength(content_base64) }),
    targets: ({ path, sha256: digest }) => [path, `sha256:${digest}`],
  }),
  /** Runs `/work/in/<sha256>`, uploaded before, by its `#!` line as the user `detonate`. */
  run_script: contract({
    args: z.strictObject({
      sha256: Sha256,
      args: z
        .array(z.string().max(SCRIPT_ARG_MAX_CHARS).refine(isArgument, 'expected well-formed text without NUL'))
        .max(SCRIPT_ARGS_MAX),
      timeout_seconds: z.int().min(1).max(SCRIPT_MAX_SECONDS),
    }),
    result: z.strictObject({ ...Ended, stdout: Output, stderr: Output }),
    limits: z.strictObject({ sha256, max_seconds }),
    measure: (args) => ({ sha256: [args.sha256], seconds: args.timeout_seconds }),
    targets: (args) => [`${INPUT_FOLDER}${args.sha256}`],
  }),
  /**
   * Applies an uploaded SQL file to a copy of an uploaded SQLite database, both named by their digests. First the database is backed up;
   * a dry run tells the same and leaves nothing.
   */
  run_migration: contract({
    args: z.strictObject({
      database_sha256: Sha256,
      migration_sha256: Sha256,
      dry_run: z.boolean(),
      timeout_seconds: z.int().min(1).max(SCRIPT_MAX_SECONDS),
    }),
    result: z.strictObject({
      ...MigrationReport.shape,
      dry_run: z.boolean(),
      backup: MadeFile.nullable(),
      database: MadeFile.nullable(),
      duration_ms: Count,
      pid: z.int().min(1),
    }),
    limits: z.strictObject({ sha256, max_seconds }),
    measure: (args) => ({ sha256: [args.database_sha256, args.migration_sha256], seconds: args.timeout_seconds }),
    targets: (args) => [args.database_sha256, args.migration_sha256].map((digest) => `${INPUT_FOLDER}${digest}`),
  }),
  /** Ends one service of the machine and starts it anew. */
  restart_service: contract({
    args: z.strictObject({ unit: UnitName }),
    result: z.strictObject({
      unit: UnitName,
      old_pid: z.int().min(1).nullable(),
      new_pid: z.int().min(1),
      duration_ms: Count,
    }),
    limits: z.strictObject({ units: z.array(UnitName).min(1).max(16) }),
    measure: ({ unit }) => ({ units: [unit] }),
    targets: ({ unit }) => [`unit:${unit}`],
  }),
  /** Lists a folder and what is below it; links are listed, never followed. */
  list_files: contract({
    args: z.strictObject({ path: GuestPath, max_entries: z.int().min(1).max(LIST_MAX_ENTRIES) }),
    result: z.strictObject({ entries: z.array(FileEntry), truncated: z.boolean() }),
    limits: z.strictObject({ paths }),
    measure: ({ path }) => ({ paths: [path] }),
    targets: ({ path }) => [path],
  }),
  /** Fetches part of a file, exactly. `max_bytes` of its grant: no byte of a file beyond it, however many requests it takes. */
  get_file: contract({
    args: z.strictObject({ path: GuestPath, offset: z.int().min(0), length: z.int().min(1).max(EXCERPT_MAX_BYTES) }),
    result: Excerpt,
    limits: z.strictObject({ paths, max_bytes: z.int().min(1).max(FETCH_MAX_BYTES) }),
    measure: ({ path, offset, length }) => ({ paths: [path], bytes: offset + length }),
    targets: ({ path }) => [path],
  }),
  /** Shows the start of a file. */
  read_file: contract({
    args: z.strictObject({ path: GuestPath, max_bytes: z.int().min(1).max(EXCERPT_MAX_BYTES) }),
    result: Excerpt,
    limits: z.strictObject({ paths, max_bytes }),
    measure: ({ path, max_bytes: bytes }) => ({ paths: [path], bytes }),
    targets: ({ path }) => [path],
  }),
  /** Shows the end of a file. */
  tail_log: contract({
    args: z.strictObject({ path: GuestPath, lines: z.int().min(1).max(TAIL_MAX_LINES) }),
    result: Excerpt,
    limits: z.strictObject({ paths, max_lines: z.int().min(1).max(TAIL_MAX_LINES) }),
    measure: ({ path, lines }) => ({ paths: [path], lines }),
    targets: ({ path }) => [path],
  }),
  /** Tells what a file is: type, size, digests, printable strings. A file over `max_bytes` is refused, so what is told is of all of it. */
  inspect_file: contract({
    args: z.strictObject({
      path: GuestPath,
      max_bytes: z.int().min(1).max(FETCH_MAX_BYTES),
      max_strings: z.int().min(0).max(STRINGS_MAX),
      min_chars: z.int().min(4).max(STRING_MIN_CHARS_MAX),
    }),
    result: Inspection,
    limits: z.strictObject({ paths, max_bytes: z.int().min(1).max(FETCH_MAX_BYTES) }),
    measure: ({ path, max_bytes: bytes }) => ({ paths: [path], bytes }),
    targets: ({ path }) => [path],
  }),
  check_health: contract({ args: none, result: Health, limits: none, measure: () => ({}), targets: () => [] }),
  list_processes: contract({
    args: none,
    result: z.strictObject({ entries: z.array(ProcessEntry), truncated: z.boolean() }),
    limits: none,
    measure: () => ({}),
    targets: () => [],
  }),
  list_sockets: contract({
    args: none,
    result: z.strictObject({ entries: z.array(SocketEntry), truncated: z.boolean() }),
    limits: none,
    measure: () => ({}),
    targets: () => [],
  }),
} as const;

/** One row. */
interface Contract<Args extends z.ZodType, Result extends z.ZodType, Limits extends z.ZodType> {
  readonly args: Args;
  readonly result: Result;
  readonly limits: Limits;
  readonly measure: (args: z.infer<Args>) => Measure;
  readonly targets: (args: z.infer<Args>) => readonly string[];
}

/** Lets a row's functions know the row's own arguments. */
function contract<Args extends z.ZodObject, Result extends z.ZodType, Limits extends z.ZodType>(
  row: Contract<Args, Result, Limits>,
): Contract<Args, Result, Limits> {
  return row;
}

function isArgument(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function decodedLength(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}
