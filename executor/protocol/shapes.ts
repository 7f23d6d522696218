import * as z from 'zod';
import { TABLES_MAX } from './limits.ts';
import { Base64, Sha256 } from './text.ts';

/** A number of things or bytes. */
export const Count = z.int().min(0);

/** Ids rise strictly within a session, so an answer names its request and nothing is ever answered twice. */
export const RequestId = z.int().min(1);

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

/** One socket of the guest, as the kernel's tables have it. For `unix`, `local` is its path, `@…` when abstract, empty when it has none. */
export const SocketEntry = z.strictObject({
  protocol: z.enum(['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'packet', 'unix']),
  local: z.string(),
  remote: z.string(),
  state: z.string(),
  /** Whose it is; null where the table does not say. */
  uid: Count.nullable(),
  inode: Count,
});
export type SocketEntry = z.infer<typeof SocketEntry>;

/** What a program left: the same for every program that the executor starts. */
export const Ended = {
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  timed_out: z.boolean(),
  /** The kernel killed a process of it for want of memory. */
  out_of_memory: z.boolean(),
  duration_ms: Count,
  first_output_ms: Count.nullable(),
  pid: z.int().min(1),
} as const;

const ServiceState = z.enum(['running', 'stopped']);

/** The state of the machine. */
export const Health = z.strictObject({
  now_ms: z.int(),
  /**
   * How far the clock is from where the control plane set it at boot and the monotonic clock has carried it since, within a second;
   * null where the control plane told no time. `source`: what the kernel counts by.
   */
  time: z.strictObject({ offset_ms: z.int().nullable(), source: z.string() }),
  uptime_seconds: z.number().min(0),
  memory: z.strictObject({ total_bytes: Count, available_bytes: Count }),
  disks: z.array(z.strictObject({ path: z.string(), total_bytes: Count, available_bytes: Count })),
  services: z.strictObject({ sshd: ServiceState, auditd: ServiceState, syslogd: ServiceState, spawner: ServiceState }),
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
});

/** What a file is, told without executing or unpacking it. */
export const Inspection = z.strictObject({
  /** By its first bytes; `data` when they are none of those known. */
  type: z.string(),
  /** What the first bytes say beside that: the interpreter, the machine. */
  detail: z.string(),
  bytes: Count,
  mode: z.string().regex(/^[0-7]{4}$/),
  uid: Count,
  modified_ms: z.int(),
  md5: z.string().regex(/^[0-9a-f]{32}$/),
  sha1: z.string().regex(/^[0-9a-f]{40}$/),
  sha256: Sha256,
  /** Shannon entropy in thousandths of a bit per byte, 0 to 8000: packed and encrypted content is near 8000. */
  entropy_millibits: z.int().min(0).max(8000),
  strings: z.array(z.strictObject({ offset: Count, text: z.string(), truncated: z.boolean() })),
  /** Printable runs there are; `strings` holds the first of them. */
  strings_total: Count,
});

/**
 * A database at one moment. `schema_sha256` is of every row of its schema in order; `rows` is null for a virtual table. Tables over the limit
 * are counted, not listed.
 */
export const DatabaseState = z.strictObject({
  schema_sha256: Sha256,
  user_version: z.int(),
  tables: z.array(z.strictObject({ name: z.string(), rows: Count.nullable() })).max(TABLES_MAX),
  tables_total: Count,
  integrity: z.enum(['ok', 'damaged']),
  foreign_key_violations: Count,
});
export type DatabaseState = z.infer<typeof DatabaseState>;

/** What a migration did to a database, by the word of the process that applied it. */
export const MigrationReport = z.strictObject({
  /** `rejected`: it failed, and what it did until then is undone. Of a dry run, `applied` says that it would be. */
  outcome: z.enum(['applied', 'rejected']),
  /** Why it was rejected, in SQLite's words where it was SQLite; else null. */
  error: z.string().max(1000).nullable(),
  /** Rows that its statements inserted, updated and deleted. */
  changes: Count,
  before: DatabaseState,
  /** Null when it was rejected. */
  after: DatabaseState.nullable(),
});
export type MigrationReport = z.infer<typeof MigrationReport>;

/** A file that an action made and looked at itself. */
export const MadeFile = z.strictObject({ path: z.string(), bytes: Count, sha256: Sha256 });
export type MadeFile = z.infer<typeof MadeFile>;
