import type { SandboxDriver } from '../../infra/driver.ts';
import type { Lifetime } from './lifetime.ts';

/**
 * Every step of a run at which a crash is tried out, in the order of a life. Each is one effect that either happened or did not:
 * a process killed before it must leave nothing of it, and one killed after it must not repeat it. docs/crash-matrix.md has a row for each.
 */
export const FAILPOINTS = {
  request_stored: 'the request is in the journal',
  lease: 'the run is provisioning: from here on there is something to destroy',
  stack_created: 'the stack is in the backend, locked',
  disk: 'the scratch disk exists',
  process_spawned: 'the machine runs',
  id_stored: 'its pid and start time are in the manifest of ids',
  boot: 'the guest said READY',
  host_key: 'the run is ready, its host key pinned',
  keys: 'the certificate is minted',
  serial_stored: 'its serial is in the journal',
  connected: 'the relay is logged in and the run executing',
  action_journalled: 'the action is in the journal',
  action_sent: 'the journal says that it was sent',
  effect_done: 'the executor did it',
  answer_stored: 'the journal says that it was answered',
  evidence_signed: 'the evidence is signed',
  chunk_uploaded: 'a file of the evidence is under lock',
  destroy_journalled: 'the run is being destroyed',
  killed: 'the machine is killed',
  disk_gone: 'the scratch disk is deleted',
  stack_gone: 'the stack is forgotten',
  sweep_clean: 'nothing is found any more',
  receipt_signed: 'the receipt is signed',
  archived: 'the receipt is under lock',
  closed: 'the run is destroyed, in the journal too',
} as const;

export type FailpointName = keyof typeof FAILPOINTS;

/** Where a test makes a step fail, or the process die before or after it. */
export interface Failpoints {
  readonly around: <T>(step: FailpointName, work: () => Promise<T>) => Promise<T>;
}

/** What a test's own entry point puts in place of the real thing. main.ts never has one: nothing in the environment leads here. */
export interface TestRig {
  readonly failpoints: Failpoints;
  /** Hosts sandboxes instead of QEMU, with the same failpoints inside. */
  createDriver(owner: { readonly home: string; readonly installationId: string }): SandboxDriver;
  /** Shorter lives than policy gives, for whoever waits for their end. */
  readonly lifetimeOf?: (ttlSeconds: number) => Lifetime;
  /** Less patience with an owner that does not answer, for whoever waits for its end. */
  readonly patienceMs?: number;
  /** Where the host's /proc and /sys are, for whoever makes a host with swap. */
  readonly hostRoot?: string;
}
