import type { AwsAccess } from './aws/api/clients.ts';
import type { Foundation } from './aws/foundation/deploy.ts';
import type { FoundationInputs } from './aws/foundation/inputs.ts';
import type { Images, ImagesOptions } from './aws/image/images.ts';
import type { KmsKey } from './aws/kms/key.ts';
import type { AwsDriver } from './aws/driver.ts';
import type { AwsDriverOptions } from './aws/options.ts';
import type { RelayHostFiles } from './aws/relay/relay-host.ts';
import { createDriver, type LocalDriver } from './local/driver.ts';
import type { LocalDriverOptions } from './local/parts.ts';

export type { AwsAccess } from './aws/api/clients.ts';
export type { AwsCall } from './aws/api/permissions.ts';
export type { Foundation } from './aws/foundation/deploy.ts';
export type { FoundationInputs } from './aws/foundation/inputs.ts';
export { FoundationOutputs } from './aws/foundation/outputs.ts';
export type { AwsDriver } from './aws/driver.ts';
export type { AwsDriverOptions } from './aws/options.ts';
export { StateUrl } from './aws/state-url.ts';
export type { Images, ListedImage } from './aws/image/images.ts';
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
  const [{ findImage }, { isolationBy }, { knownVerdict, probeAcceleration }] = await Promise.all([
    import('./local/image.ts'),
    import('./local/machine/arguments.ts'),
    import('./local/machine/probe.ts'),
  ]);
  const owner = { home, installationId: 'setup' };
  const verdict = probe ? await probeAcceleration(owner, await findImage(home)) : await knownVerdict(owner);
  if (verdict === undefined) return undefined;
  return { isolation: isolationBy(verdict.acceleration), why: verdict.why };
}

export interface Isolation {
  readonly isolation: 'kvm' | 'emulated';
  readonly why: string;
}

/** The driver that boots sandboxes on EC2. Cheap to make: the SDKs are imported when it is first asked for something, or on `warm`. */
export function createAwsDriver(options: AwsDriverOptions): AwsDriver {
  const driver = once(async () =>
    (await import('./aws/driver.ts')).createDriver(options, {
      openStack: once(async () => (await import('./pulumi/stack.ts')).openStack),
      program: once(() => import('./aws/run/program.ts')),
    }),
  );
  return {
    name: 'aws',
    provision: async (...asked) => (await driver()).provision(...asked),
    destroy: async (...asked) => (await driver()).destroy(...asked),
    halt: async (...asked) => (await driver()).halt(...asked),
    streams: async (...asked) => (await driver()).streams(...asked),
    observe: async (...asked) => (await driver()).observe(...asked),
    inventory: async (...asked) => (await driver()).inventory(...asked),
    interruption: async (...asked) => (await driver()).interruption(...asked),
    warm: async () => (await driver()).warm(),
    close: async () => (await driver()).close(),
  };
}

/** Opens a signing key that lies in AWS KMS. The SDK is imported now, not before. Rejects with DriverError. */
export async function openKmsKey(access: AwsAccess, keyId: string): Promise<KmsKey> {
  return (await import('./aws/kms/key.ts')).openKmsKey(access, keyId);
}

/** The sandbox images of an installation in AWS. The SDK is imported now, not before. */
export async function openAwsImages(options: ImagesOptions): Promise<Images> {
  return (await import('./aws/image/images.ts')).openImages(options);
}

/**
 * Opens the AWS foundation of a data directory. The real AWS plugin needs the `pulumi` binary; where an aws provider runs already, as
 * PULUMI_DEBUG_PROVIDERS in `variables` says, this process deploys by itself.
 */
export async function openAwsFoundation(
  home: string,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Foundation> {
  const [{ openFoundation }, { attachedProviders }] = await Promise.all([
    import('./aws/foundation/deploy.ts'),
    import('./pulumi/attached.ts'),
  ]);
  const providers = Object.fromEntries(attachedProviders({}, variables['PULUMI_DEBUG_PROVIDERS']));
  const engine = providers['aws'] === undefined ? 'cli' : 'embedded';
  return openFoundation(
    { home, engine, providers },
    {
      openStack: async () => (await import('./pulumi/stack.ts')).openStack,
      program: () => import('./aws/foundation/program.ts'),
    },
  );
}

/** The foundation's inputs, from a file. Rejects with DriverError. */
export async function readFoundationInputs(file: string): Promise<FoundationInputs> {
  return (await import('./aws/foundation/deploy.ts')).readInputs(file);
}

/** What makes a host the relay of a foundation with these inputs. */
export async function relayHostOf(
  inputs: FoundationInputs,
  relay: { readonly username: string; readonly publicKeyLine: string },
): Promise<RelayHostFiles & { readonly sshdConfigFile: string }> {
  const [{ planOf }, { relayHostFiles, SSHD_CONFIG_FILE }] = await Promise.all([
    import('./aws/foundation/inputs.ts'),
    import('./aws/relay/relay-host.ts'),
  ]);
  const subnets = planOf(inputs).sandboxSubnets.map(({ cidr }) => cidr);
  return { ...relayHostFiles({ subnets, ...relay }), sshdConfigFile: SSHD_CONFIG_FILE };
}

/** The host key of the relay host that the foundation made, from its console. The SDK is imported now. Rejects with DriverError. */
export async function readRelayHostKey(access: AwsAccess, instanceId: string): Promise<string> {
  return (await import('./aws/relay/host-key.ts')).readHostKey(access, instanceId);
}

/** The service control policy of an installation, as JSON. */
export async function foundationControlPolicy(inputs: FoundationInputs, adminArn: string): Promise<string> {
  return (await import('./aws/foundation/documents/index.ts')).controlPolicy(inputs, adminArn);
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => (loading ??= load());
}
