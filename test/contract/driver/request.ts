import type { ProvisionRequest } from '../../../infra/driver.ts';

/** The CA of the contract suite: the one that test/support/aws/images.json says is baked into the image of moto. */
export const CONTRACT_CA = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg';

/** What the contract suite asks of every driver. */
export const requestOf = (runId: string): ProvisionRequest => ({
  runId,
  caPublicKey: CONTRACT_CA,
  profile: { memoryMiB: 512, cpus: 1, scratchMiB: 64 },
  lifetimeSeconds: 120,
  tunnels: [],
});
