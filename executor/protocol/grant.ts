import * as z from 'zod';
import { FETCH_MAX_BYTES, FILE_MAX_BYTES, SCRIPT_MAX_SECONDS, TAIL_MAX_LINES } from './limits.ts';
import { PathRule } from './path.ts';
import { MachineId, Requester, RunId, Sha256, TaskId } from './text.ts';
import { TunnelDestinations } from './tunnel.ts';

/** The certificate extension that carries the grant. An unknown critical option would make sshd refuse; an extension passes. */
export const GRANT_EXTENSION = 'grant@burnbag.dev';

const paths = z.array(PathRule).min(1).max(64);
const maxBytes = z.int().min(1).max(FILE_MAX_BYTES);
const none = z.strictObject({});

/** One action of a grant with the limits of its arguments. What is not stated here is not granted. */
export const GrantedAction = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('put_file'), limits: z.strictObject({ paths, max_bytes: maxBytes }) }),
  z.strictObject({
    action: z.literal('run_script'),
    limits: z.strictObject({
      sha256: z.array(Sha256).min(1).max(64),
      max_seconds: z.int().min(1).max(SCRIPT_MAX_SECONDS),
    }),
  }),
  z.strictObject({ action: z.literal('list_files'), limits: z.strictObject({ paths }) }),
  /** `max_bytes`: no byte of a file beyond it, however many requests it takes. */
  z.strictObject({
    action: z.literal('get_file'),
    limits: z.strictObject({ paths, max_bytes: z.int().min(1).max(FETCH_MAX_BYTES) }),
  }),
  z.strictObject({ action: z.literal('read_file'), limits: z.strictObject({ paths, max_bytes: maxBytes }) }),
  z.strictObject({
    action: z.literal('tail_log'),
    limits: z.strictObject({ paths, max_lines: z.int().min(1).max(TAIL_MAX_LINES) }),
  }),
  z.strictObject({ action: z.literal('check_health'), limits: none }),
  z.strictObject({ action: z.literal('list_processes'), limits: none }),
]);
export type GrantedAction = z.infer<typeof GrantedAction>;

/** What one run may do. Signed by the CA inside the certificate, as canonical JSON; read by the executor from there and nowhere else. */
export const Grant = z.strictObject({
  version: z.literal(1),
  task_id: TaskId,
  run_id: RunId,
  requester: Requester,
  machine_id: MachineId,
  actions: z.array(GrantedAction).min(1).refine(hasEachOnce, 'expected each action at most once'),
  /** Where the relay may open tunnels to, inside the sandbox; without it, nowhere. */
  tunnels: TunnelDestinations.exactOptional(),
  /** Unix seconds; nothing starts and nothing goes on after it. */
  expires_at: z.int().min(1),
  /** SHA-256 of the policy that allowed this. */
  policy_sha256: Sha256,
});
export type Grant = z.infer<typeof Grant>;

function hasEachOnce(actions: readonly GrantedAction[]): boolean {
  return new Set(actions.map(({ action }) => action)).size === actions.length;
}
