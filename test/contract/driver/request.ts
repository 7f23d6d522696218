import type { ProvisionRequest } from '../../../infra/driver.ts';
import { makePublicKeyLine } from '../../support/sandbox.ts';

/** What the contract suite asks of every driver. */
export const requestOf = (runId: string): ProvisionRequest => ({
  runId,
  caPublicKey: makePublicKeyLine(),
  profile: { memoryMiB: 512, cpus: 1, scratchMiB: 64 },
  lifetimeSeconds: 120,
  tunnels: [],
});
