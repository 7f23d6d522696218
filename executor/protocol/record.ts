import * as z from 'zod';
import { ACTION_NAMES } from './action.ts';
import { FailureCode, RefusalCode } from './error.ts';
import { Serial } from './revocation.ts';
import { RunId, Sha256, TaskId } from './text.ts';

const Count = z.int().min(0);

/**
 * Every record: its place in the chain and when it was written. A chain is one session's; `prev` is the SHA-256 of the line before,
 * without its newline, so a record that was changed, dropped or moved breaks the chain.
 */
const chained = {
  seq: z.int().min(1),
  at_ms: z.int(),
  prev: Sha256,
  /** Random, one per session, so that the chains in one file can be told apart. */
  session: z.string().regex(/^[0-9a-f]{16}$/),
} as const;

const task = { run_id: RunId, task_id: TaskId } as const;
const action = { request_id: z.int().min(1), action: z.enum(ACTION_NAMES) } as const;

/** What an action is about, never its content: paths, digests, sizes. */
const Targets = z.array(z.string().max(8192)).max(64);

/** One line of the executor's log. Output is there as size and hash only. */
export const AuditRecord = z.discriminatedUnion('event', [
  z.strictObject({
    ...chained,
    ...task,
    event: z.literal('session_open'),
    requester: z.string(),
    machine_id: z.string(),
    serial: z.string().regex(/^[0-9]{1,20}$/),
    key_id: z.string(),
    grant_sha256: Sha256,
    expires_at: z.int(),
    agent: z.strictObject({ version: z.string(), pid: z.int(), uid: z.int() }),
  }),
  /** No session: the certificate or the grant in it did not hold. Nothing it says is repeated here. */
  z.strictObject({ ...chained, event: z.literal('session_refused'), code: RefusalCode }),
  /** What a login of the kind `revoke` did, the whole of it; its own serial is among them. */
  z.strictObject({
    ...chained,
    event: z.literal('certificates_revoked'),
    run_id: RunId,
    key_id: z.string(),
    serials: z.array(Serial).min(1).max(65),
  }),
  /** Written before the action; no action without it. */
  z.strictObject({
    ...chained,
    ...task,
    ...action,
    event: z.literal('action_started'),
    targets: Targets,
    argv: z.array(z.string()).optional(),
    /** Of the request's line as it came, without its newline: the same line is in the relay's transcript. */
    line_sha256: Sha256,
  }),
  z.strictObject({
    ...chained,
    ...task,
    ...action,
    event: z.literal('action_ended'),
    status: z.enum(['ok', 'failed']),
    code: FailureCode.optional(),
    duration_ms: Count,
    targets: Targets,
    argv: z.array(z.string()).optional(),
    /** Of the program that was started; root of its tree in the audit log. */
    pid: z.int().min(1).optional(),
    exit_code: z.int().nullable().optional(),
    signal: z.string().nullable().optional(),
    timed_out: z.boolean().optional(),
    stdout_bytes: Count.optional(),
    stdout_sha256: Sha256.optional(),
    stderr_bytes: Count.optional(),
    stderr_sha256: Sha256.optional(),
    /** Of the answer's line as it is sent after this record, without its newline. */
    answer_sha256: Sha256,
  }),
  /** A request that was turned away; its name only when it is one of the catalogue's. */
  z.strictObject({
    ...chained,
    ...task,
    event: z.literal('refused'),
    request_id: z.int().min(1).nullable(),
    action: z.enum(ACTION_NAMES).optional(),
    code: RefusalCode,
    line_sha256: Sha256,
  }),
  z.strictObject({
    ...chained,
    ...task,
    event: z.literal('session_closed'),
    reason: z.enum([
      'end_of_input',
      'expired',
      'protocol_violation',
      'connection_lost',
      'terminated',
      'audit_unavailable',
      'internal',
    ]),
    answered: Count,
  }),
]);
export type AuditRecord = z.infer<typeof AuditRecord>;
