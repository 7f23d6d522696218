import * as z from 'zod';
import type { ActionName } from './action.ts';
import { byAction, type EachAction } from './by-action.ts';
import { CONTRACTS } from './contracts.ts';
import { MachineId, Requester, RunId, Sha256, TaskId } from './text.ts';
import { TunnelDestinations } from './tunnel.ts';

/** The certificate extension that carries the grant. An unknown critical option would make sshd refuse; an extension passes. */
export const GRANT_EXTENSION = 'grant@burnbag.dev';

/** One action of a grant with the limits of its arguments. What is not stated here is not granted. */
export type GrantedAction = EachAction<{
  [Name in ActionName]: { action: Name; limits: z.infer<(typeof CONTRACTS)[Name]['limits']> };
}>;
export const GrantedAction = byAction<GrantedAction>((name) => ({ limits: CONTRACTS[name].limits }));

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
