import * as z from 'zod';
import {
  EXCERPT_MAX_BYTES,
  FILE_MAX_BYTES,
  LIST_MAX_ENTRIES,
  SCRIPT_ARG_MAX_CHARS,
  SCRIPT_ARGS_MAX,
  SCRIPT_MAX_SECONDS,
  TAIL_MAX_LINES,
} from './limits.ts';
import { GuestPath, isWithin } from './path.ts';
import { Base64, Sha256, TaskId } from './text.ts';

/** Where uploaded files lie; only the executor writes there, and nothing there changes once it is complete. */
export const INPUT_FOLDER = '/work/in/';

/** Where a script runs and leaves its files. */
export const JOB_FOLDER = '/work/job/';

/** Arguments of each action, by name. A new action is one row here, one result in answer.ts and one limit in grant.ts. */
export const ACTION_ARGS = {
  /** Uploads one file; `sha256` is of the decoded content. An existing file is never replaced. */
  put_file: z.strictObject({
    path: GuestPath.refine(
      (path) => isWithin(path, [INPUT_FOLDER]) && `${path}/` !== INPUT_FOLDER,
      `expected a path under ${INPUT_FOLDER}`,
    ),
    content_base64: Base64.max(Math.ceil(FILE_MAX_BYTES / 3) * 4),
    sha256: Sha256,
  }),
  /** Runs `/work/in/<sha256>`, uploaded before, by its `#!` line as the user `detonate`. */
  run_script: z.strictObject({
    sha256: Sha256,
    args: z
      .array(z.string().max(SCRIPT_ARG_MAX_CHARS).refine(isArgument, 'expected well-formed text without NUL'))
      .max(SCRIPT_ARGS_MAX),
    timeout_seconds: z.int().min(1).max(SCRIPT_MAX_SECONDS),
  }),
  /** Lists a folder and what is below it; links are listed, never followed. */
  list_files: z.strictObject({ path: GuestPath, max_entries: z.int().min(1).max(LIST_MAX_ENTRIES) }),
  /** Fetches part of a file, exactly. */
  get_file: z.strictObject({ path: GuestPath, offset: z.int().min(0), length: z.int().min(1).max(EXCERPT_MAX_BYTES) }),
  /** Shows the start of a file. */
  read_file: z.strictObject({ path: GuestPath, max_bytes: z.int().min(1).max(EXCERPT_MAX_BYTES) }),
  /** Shows the end of a file. */
  tail_log: z.strictObject({ path: GuestPath, lines: z.int().min(1).max(TAIL_MAX_LINES) }),
  check_health: z.strictObject({}),
  list_processes: z.strictObject({}),
} as const;

export type ActionName = keyof typeof ACTION_ARGS;
export type ActionArgs<Name extends ActionName = ActionName> = z.infer<(typeof ACTION_ARGS)[Name]>;
export const ACTION_NAMES = Object.keys(ACTION_ARGS) as ActionName[];

/** Ids rise strictly within a session, so an answer names its request and nothing is ever answered twice. */
const RequestId = z.int().min(1);

/** One request from the relay: one line of JSON. */
export const ActionRequest = z.discriminatedUnion('action', [
  z.strictObject({ id: RequestId, task_id: TaskId, action: z.literal('put_file'), args: ACTION_ARGS.put_file }),
  z.strictObject({ id: RequestId, task_id: TaskId, action: z.literal('run_script'), args: ACTION_ARGS.run_script }),
  z.strictObject({ id: RequestId, task_id: TaskId, action: z.literal('list_files'), args: ACTION_ARGS.list_files }),
  z.strictObject({ id: RequestId, task_id: TaskId, action: z.literal('get_file'), args: ACTION_ARGS.get_file }),
  z.strictObject({ id: RequestId, task_id: TaskId, action: z.literal('read_file'), args: ACTION_ARGS.read_file }),
  z.strictObject({ id: RequestId, task_id: TaskId, action: z.literal('tail_log'), args: ACTION_ARGS.tail_log }),
  z.strictObject({ id: RequestId, task_id: TaskId, action: z.literal('check_health'), args: ACTION_ARGS.check_health }),
  z.strictObject({
    id: RequestId,
    task_id: TaskId,
    action: z.literal('list_processes'),
    args: ACTION_ARGS.list_processes,
  }),
]);
export type ActionRequest = z.infer<typeof ActionRequest>;

function isArgument(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
