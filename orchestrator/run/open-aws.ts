import { join } from 'node:path';
import { type AwsDriverOptions, createAwsDriver, type Images, openAwsImages } from '../../infra/index.ts';
import type { SandboxDriver } from '../../infra/driver.ts';
import { type Ca, kmsCaSigner, openCa } from '../ca/index.ts';
import type { Configuration } from '../configuration.ts';
import type { AwsConfiguration } from '../configuration-aws.ts';
import type { Environment } from '../environment.ts';
import { RequestError } from '../errors.ts';
import { accessOf, type Keys, openKeys } from './open-keys.ts';

/** The aws driver of a data directory. Cheap: the SDKs are loaded when it is first asked for something. */
export function openAwsDriver({ home, variables }: Environment, configuration: Configuration): SandboxDriver & Warm {
  const aws = awsOf(configuration);
  const providers = attachedProviders(variables['PULUMI_DEBUG_PROVIDERS']);
  const options: AwsDriverOptions = {
    ...{ home, installationId: aws.installation_id, engine: configuration.engine, access: accessOf(aws) },
    ...{ accountId: aws.account_id, vpcId: aws.vpc_id, relayAddress: aws.relay_address, rootGiB: aws.root_gib },
    ...(aws.relay_host !== undefined && {
      relayHost: {
        ...{ host: aws.relay_host.host, port: aws.relay_host.port },
        ...{ username: aws.relay_host.username, hostKey: aws.relay_host.host_key },
      },
    }),
    choices: { instanceTypes: aws.instance_types, subnets: aws.subnets, spot: aws.spot },
    ...(aws.image_id !== undefined && { imageId: aws.image_id }),
    ...(aws.state_url !== undefined && { stateUrl: aws.state_url }),
    waits: {
      readyMs: aws.ready_seconds * 1000,
      visibleMs: aws.visible_seconds * 1000,
      pollMs: aws.poll_seconds * 1000,
    },
    providers,
  };
  return createAwsDriver(options);
}

/** The images of the configured installation, and what is baked into those that fit it. */
export interface AwsImages {
  readonly images: Images;
  readonly caPublicKey: string;
  readonly relayAddress: string;
}

/** Opens the images of a data directory's installation. Needs no lock: the CA's key is made once, whoever comes first. */
export async function openImagesOf(environment: Environment, configuration: Configuration): Promise<AwsImages> {
  const aws = awsOf(configuration);
  const { publicKeyLine: caPublicKey } = await openCaOf(environment.home, await openKeys(environment, configuration));
  const baked = { caPublicKey, relayAddress: aws.relay_address };
  const images = await openAwsImages({
    ...{ access: accessOf(aws), accountId: aws.account_id, installationId: aws.installation_id, ...baked },
    ...(aws.image_id !== undefined && { imageId: aws.image_id }),
  });
  return { images, ...baked };
}

/** The CA of a data directory: a file's key, or one in KMS or Vault. */
export function openCaOf(home: string, { ca }: Keys): Promise<Ca> {
  return openCa({ home, ...(ca !== undefined && { signer: kmsCaSigner(ca) }) });
}

interface Warm {
  warm(): Promise<void>;
}

/** Where the key lies that logs in to the relay host. */
export function relayKeyFile(home: string): string {
  return join(home, 'keys', 'relay.pem');
}

/** The `aws` part of the configuration; its absence is told as any other mistake in the file. */
export function awsOf({ aws }: Configuration): AwsConfiguration {
  if (aws !== undefined) return aws;
  throw new RequestError('bad_configuration', {
    expected: '`aws` in config.json',
    got: 'a file without it',
    hint: 'docs/aws.md says what belongs there; most of it is what the foundation exports',
  });
}

/** `PULUMI_DEBUG_PROVIDERS`, as Pulumi itself reads it: `name:PORT,…` of providers that run already, on loopback. */
function attachedProviders(text = ''): Readonly<Record<string, string>> {
  const rows = text.split(',').filter((row) => row !== '');
  return Object.fromEntries(
    rows.map((row) => [row.slice(0, row.lastIndexOf(':')), `127.0.0.1:${row.slice(row.lastIndexOf(':') + 1)}`]),
  );
}
