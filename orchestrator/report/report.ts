import * as z from 'zod';
import { CONTRACTS } from '../../executor/protocol/index.ts';

const Count = z.int().min(0);

/** A number that names a process within one report; pids are used again, these are not. */
const ProcessId = z.int().min(1);

/** A program that a process became: what execve was given. `argv` is cut at a fixed length; `disguised` when its first word names no file that was run. */
export const Program = z.strictObject({
  at_ms: z.int(),
  exe: z.string(),
  argv: z.array(z.string()),
  disguised: z.boolean(),
  cwd: z.string(),
});
export type Program = z.infer<typeof Program>;

/**
 * A process of the detonated script. `parent` is null for what the executor started itself, and for what was not seen being started.
 * `programs` is empty for one that only forked, as a subshell does. `uid` differs from the script's only if something raised its rights.
 */
export const ReportedProcess = z.strictObject({
  id: ProcessId,
  parent: ProcessId.nullable(),
  pid: Count,
  ppid: Count,
  uid: Count,
  started_ms: z.int(),
  programs: z.array(Program),
});
export type ReportedProcess = z.infer<typeof ReportedProcess>;

/** A program that could not be started. */
export const FailedProgram = z.strictObject({ process: ProcessId, path: z.string(), error: z.string(), times: Count });
export type FailedProgram = z.infer<typeof FailedProgram>;

/**
 * A connection that was tried, or a datagram that was sent. `result` is `ok` or an errno name; `possible` only where the kernel let it leave
 * for somewhere else; `undecided` where the call returned before that was known: it did not wait, was interrupted while it waited, or only
 * pointed a datagram socket at the address. `transport` is null where the making of the socket is not on record.
 */
export const Connection = z.strictObject({
  process: ProcessId,
  how: z.enum(['connect', 'send']),
  transport: z.enum(['stream', 'datagram', 'raw']).nullable(),
  family: z.enum(['ipv4', 'ipv6', 'unix', 'vsock', 'packet', 'other']),
  address: z.string(),
  port: Count.nullable(),
  scope: z.enum(['outside', 'loopback', 'local']),
  result: z.string(),
  possible: z.boolean(),
  undecided: z.boolean(),
  times: Count,
});
export type Connection = z.infer<typeof Connection>;

export const FILE_CHANGES = [
  'created',
  'written',
  'renamed',
  'linked',
  'removed',
  'mode_changed',
  'owner_changed',
  'changed',
] as const;
export type FileChange = (typeof FILE_CHANGES)[number];

/** A file or folder that was changed; `written` is opened for writing. `resolved` is false where only the end of the path is known. */
export const ChangedFile = z.strictObject({
  path: z.string(),
  resolved: z.boolean(),
  changes: z.array(z.enum(FILE_CHANGES)),
  /** Former path of a renamed one. */
  from: z.string().optional(),
  /** The first process that changed it. */
  process: ProcessId,
  times: Count,
});
export type ChangedFile = z.infer<typeof ChangedFile>;

/** Something that the kernel refused to do to a file: `error` is EACCES, EPERM, EROFS or the like. */
export const RefusedFile = z.strictObject({
  path: z.string(),
  call: z.string(),
  error: z.string(),
  process: ProcessId,
  times: Count,
});
export type RefusedFile = z.infer<typeof RefusedFile>;

const RunScript = CONTRACTS.run_script.result;
const StreamSize = RunScript.shape.stdout.pick({ bytes: true, sha256: true, truncated: true });

/** How one script ended, as the executor answered it; its output is in the evidence, here are only its size and digest. */
export const ScriptEnd = z.strictObject({
  request_id: z.int().min(1),
  sha256: z.string(),
  ...RunScript.omit({ stdout: true, stderr: true }).shape,
  stdout: StreamSize,
  stderr: StreamSize,
});
export type ScriptEnd = z.infer<typeof ScriptEnd>;

/** What a detonated script did: `report.json`. Text in it is the script's own and may hold anything; escape it before showing it. */
export const Report = z.strictObject({
  version: z.literal(1),
  run_id: z.string(),
  scripts: z.array(ScriptEnd),
  processes: z.array(ReportedProcess),
  failed_programs: z.array(FailedProgram),
  connections: z.array(Connection),
  files: z.array(ChangedFile),
  refused: z.array(RefusedFile),
  counts: z.strictObject({
    processes: Count,
    connections_tried: Count,
    connections_possible: Count,
    connections_undecided: Count,
    files_written: Count,
    /** Calls on /proc, /dev and the name service's socket, which every program makes. */
    noise: Count,
    /** Calls on files that failed because something was not as expected (not there, there already), not because it was refused. */
    other_failures: Count,
    /** System calls of 32-bit programs, of which the image has none: somebody brought one. */
    ia32_calls: Count,
  }),
  /** What does not stand in the lists above because they were full. */
  left_out: z.strictObject({
    processes: Count,
    failed_programs: Count,
    connections: Count,
    files: Count,
    refused: Count,
  }),
  /** The audit stream this was read from. */
  audit: z.strictObject({ bytes: Count, lines: Count, malformed: Count, events: Count }),
});
export type Report = z.infer<typeof Report>;
