import type { AwsAccess } from './aws/api/clients.ts';
import type { KmsKey } from './aws/kms/key.ts';
import { createDriver, type LocalDriver } from './local/driver.ts';
import type { LocalDriverOptions } from './local/parts.ts';

export type { AwsAccess } from './aws/api/clients.ts';
export type { AwsCall } from './aws/api/permissions.ts';
export type { KmsKey } from './aws/kms/key.ts';
export { DriverError, type DriverErrorCode } from './error.ts';
export type { LocalDriver } from './local/driver.ts';
export type { LocalDriverOptions } from './local/parts.ts';
export { type StackView, viewStacks } from './stacks.ts';

/** The driver that boots sandboxes with QEMU on this host. Cheap to make: Pulumi is imported when it is first needed, or on `warm`. */
export function createLocalDriver(options: LocalDriverOptions): LocalDriver {
  return createDriver(options, {
    openStack: once(async () => (await import('./pulumi/stack.ts')).openStack),
    program: once(() => import('./local/program.ts')),
    provider: once(() => import('./local/provider/index.ts')),
  });
}

/**
 * Whether sandboxes of this host run on its own processor or are emulated, and how that is known: by booting a guest, once per boot of the
 * host. With `probe: false` only what is known already. Rejects with DriverError where there is no image or no QEMU to probe with.
 */
export async function judgeIsolation(home: string, { probe }: { probe: boolean }): Promise<Isolation | undefined> {
  const [{ findImage }, { knownVerdict, probeAcceleration }] = await Promise.all([
    import('./local/image.ts'),
    import('./local/machine/probe.ts'),
  ]);
  const owner = { home, installationId: 'setup' };
  const verdict = probe ? await probeAcceleration(owner, await findImage(home)) : await knownVerdict(owner);
  if (verdict === undefined) return undefined;
  return { isolation: verdict.acceleration === 'kvm' ? 'kvm' : 'emulated', why: verdict.why };
}

export interface Isolation {
  readonly isolation: 'kvm' | 'emulated';
  readonly why: string;
}

/** Opens a signing key that lies in AWS KMS. The SDK is imported now, not before. Rejects with DriverError. */
export async function openKmsKey(access: AwsAccess, keyId: string): Promise<KmsKey> {
  return (await import('./aws/kms/key.ts')).openKmsKey(access, keyId);
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => (loading ??= load());
}
