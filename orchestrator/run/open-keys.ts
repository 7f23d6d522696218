import { type AwsAccess, type KmsKey, openKmsKey } from '../../infra/index.ts';
import type { Configuration } from '../configuration.ts';
import type { AwsConfiguration } from '../configuration-aws.ts';
import type { Environment } from '../environment.ts';
import { RequestError } from '../errors.ts';
import { openTransitKey, type TransitAccess, type TransitKey } from '../transit/index.ts';

/** Keys that lie elsewhere, by what they are for; one that is absent is a file. */
export interface Keys {
  readonly ca?: KmsKey | TransitKey;
  readonly evidence?: KmsKey | TransitKey;
  readonly receipt?: KmsKey | TransitKey;
}

/** Opens the keys that the configuration has in KMS or in a Vault. Rejects with DriverError, TransitError or RequestError. */
export async function openKeys(
  { variables }: Pick<Environment, 'variables'>,
  configuration: Configuration,
): Promise<Keys> {
  const { aws, transit } = configuration;
  const inKms = named(aws?.keys);
  const inVault = named(transit?.keys);
  const twice = inVault.find(([purpose]) => inKms.some(([other]) => other === purpose));
  if (twice !== undefined) throw namedTwice(twice[0]);
  const opened = [
    ...inKms.map(
      async ([purpose, key]) => [purpose, await openKmsKey(accessOf(aws as AwsConfiguration), key)] as const,
    ),
    ...inVault.map(
      async ([purpose, key]) => [purpose, await openTransitKey(transitOf(configuration, variables), key)] as const,
    ),
  ];
  return Object.fromEntries(await Promise.all(opened));
}

/** How the API is reached. Credentials are the AWS SDK's own business. */
export function accessOf({ region, endpoint }: AwsConfiguration): AwsAccess {
  return { region, ...(endpoint !== undefined && { endpoint }) };
}

function transitOf({ transit }: Configuration, { VAULT_TOKEN: token }: Environment['variables']): TransitAccess {
  if (transit !== undefined && token !== undefined) return { ...transit, token };
  throw new RequestError('bad_configuration', {
    expected: 'VAULT_TOKEN for the keys that config.json has in Vault',
    got: 'an environment without it',
    hint: 'set it, or remove transit from config.json to sign with files',
  });
}

function named(keys: Readonly<Record<string, string | undefined>> | undefined): readonly (readonly [string, string])[] {
  return Object.entries(keys ?? {}).flatMap(([purpose, key]) => (key === undefined ? [] : [[purpose, key] as const]));
}

function namedTwice(purpose: string): RequestError {
  return new RequestError('bad_configuration', {
    expected: `one place for the ${purpose} key`,
    got: 'aws.keys and transit.keys',
    hint: 'remove one of the two from config.json',
  });
}
