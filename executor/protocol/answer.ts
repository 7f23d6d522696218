import * as z from 'zod';
import { Failure, Refusal } from './error.ts';
import { Base64, Sha256 } from './text.ts';

const Count = z.int().min(0);

/** Bytes as text where they are UTF-8 and not mostly control characters, else as base64. */
const Encoding = z.enum(['utf8', 'base64']);

/** One output stream: `data` is its start, `bytes` and `sha256` are of everything that was produced. */
export const Output = z.strictObject({
  encoding: Encoding,
  data: z.string(),
  bytes: Count,
  sha256: Sha256,
  truncated: z.boolean(),
});
export type Output = z.infer<typeof Output>;

/** A part of a file: `bytes` and `sha256` are of this part, `file_bytes` is the whole file's size, `truncated` says there is more. */
export const Excerpt = z.strictObject({
  encoding: Encoding,
  data: z.string(),
  offset: Count,
  bytes: Count,
  sha256: Sha256,
  file_bytes: Count,
  truncated: z.boolean(),
});
export type Excerpt = z.infer<typeof Excerpt>;

/** One file system entry. `path_base64` is there only when the name is not valid UTF-8, and then `path` is approximate. */
export const FileEntry = z.strictObject({
  path: z.string(),
  path_base64: Base64.optional(),
  type: z.enum(['file', 'folder', 'link', 'fifo', 'socket', 'device']),
  size: Count,
  /** Permission bits, as in `0644`. */
  mode: z.string().regex(/^[0-7]{4}$/),
  uid: Count,
  modified_ms: z.int(),
});
export type FileEntry = z.infer<typeof FileEntry>;

/** One process of the guest. `argv` is cut at a fixed length. */
export const ProcessEntry = z.strictObject({
  pid: Count,
  ppid: Count,
  uid: Count,
  name: z.string(),
  argv: z.array(z.string()),
  /** One letter, as in proc(5). */
  state: z.string().length(1),
});
export type ProcessEntry = z.infer<typeof ProcessEntry>;

const ServiceState = z.enum(['running', 'stopped']);

/** Result of each action, by name. */
export const ACTION_RESULTS = {
  put_file: z.strictObject({ path: z.string(), bytes: Count, sha256: Sha256 }),
  run_script: z.strictObject({
    exit_code: z.int().nullable(),
    signal: z.string().nullable(),
    timed_out: z.boolean(),
    /** The kernel killed a process of the script for want of memory. */
    out_of_memory: z.boolean(),
    duration_ms: Count,
    first_output_ms: Count.nullable(),
    pid: z.int().min(1),
    stdout: Output,
    stderr: Output,
  }),
  list_files: z.strictObject({ entries: z.array(FileEntry), truncated: z.boolean() }),
  get_file: Excerpt,
  read_file: Excerpt,
  tail_log: Excerpt,
  check_health: z.strictObject({
    now_ms: z.int(),
    /**
     * How far the clock is from where the control plane set it at boot and the monotonic clock has carried it since, within a second;
     * null where the control plane told no time. `source`: what the kernel counts by.
     */
    time: z.strictObject({ offset_ms: z.int().nullable(), source: z.string() }),
    uptime_seconds: z.number().min(0),
    memory: z.strictObject({ total_bytes: Count, available_bytes: Count }),
    disks: z.array(z.strictObject({ path: z.string(), total_bytes: Count, available_bytes: Count })),
    services: z.strictObject({
      sshd: ServiceState,
      auditd: ServiceState,
      syslogd: ServiceState,
      spawner: ServiceState,
    }),
    /**
     * The kernel's own word, by way of the root half; null where it could not be asked, and that is a gap. `lost`: records the kernel dropped
     * since it started; `backlog`: records that wait for auditd; `auditd`: whether the process that the kernel hands its records to is there.
     */
    audit: z.strictObject({
      enabled: z.boolean().nullable(),
      lost: Count.nullable(),
      backlog: Count.nullable(),
      auditd: ServiceState,
    }),
  }),
  list_processes: z.strictObject({ entries: z.array(ProcessEntry), truncated: z.boolean() }),
} as const;

export type ActionResult<Name extends keyof typeof ACTION_RESULTS = keyof typeof ACTION_RESULTS> = z.infer<
  (typeof ACTION_RESULTS)[Name]
>;

const RequestId = z.int().min(1);
const ok = { id: RequestId, status: z.literal('ok'), duration_ms: Count } as const;

/** An action that was carried out; how a script itself ended is in its result. */
export const OkAnswer = z.discriminatedUnion('action', [
  z.strictObject({ ...ok, action: z.literal('put_file'), result: ACTION_RESULTS.put_file }),
  z.strictObject({ ...ok, action: z.literal('run_script'), result: ACTION_RESULTS.run_script }),
  z.strictObject({ ...ok, action: z.literal('list_files'), result: ACTION_RESULTS.list_files }),
  z.strictObject({ ...ok, action: z.literal('get_file'), result: ACTION_RESULTS.get_file }),
  z.strictObject({ ...ok, action: z.literal('read_file'), result: ACTION_RESULTS.read_file }),
  z.strictObject({ ...ok, action: z.literal('tail_log'), result: ACTION_RESULTS.tail_log }),
  z.strictObject({ ...ok, action: z.literal('check_health'), result: ACTION_RESULTS.check_health }),
  z.strictObject({ ...ok, action: z.literal('list_processes'), result: ACTION_RESULTS.list_processes }),
]);
export type OkAnswer = z.infer<typeof OkAnswer>;

/** Nothing ran. `id` is null when no request could be read, or when the session as a whole is refused. */
export const RefusedAnswer = z.strictObject({ id: RequestId.nullable(), status: z.literal('refused'), error: Refusal });
export type RefusedAnswer = z.infer<typeof RefusedAnswer>;

/** The action was granted and did not come to its end. */
export const FailedAnswer = z.strictObject({ id: RequestId, status: z.literal('failed'), error: Failure });
export type FailedAnswer = z.infer<typeof FailedAnswer>;

/** What the executor says to one request: one line of JSON. */
export const Answer = z.discriminatedUnion('status', [OkAnswer, RefusedAnswer, FailedAnswer]);
export type Answer = z.infer<typeof Answer>;
