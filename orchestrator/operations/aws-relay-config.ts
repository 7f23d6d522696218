import * as z from 'zod';
import { readFoundationInputs, relayHostOf } from '../../infra/index.ts';
import { openFileSigner } from '../ca/index.ts';
import { relayKeyFile } from '../run/open-aws.ts';
import { operation } from './operation.ts';

/** What `burnbag aws relay-config` says: all that a relay host needs. Nothing of it is secret. */
export const RelayConfigSummary = z.strictObject({
  schema: z.literal('burnbag.aws-relay-config/1'),
  username: z.string(),
  sshd_config_file: z.string(),
  sshd_config: z.string(),
  authorized_keys: z.string(),
  /** User data of an instance: the user and both files. */
  cloud_config: z.string(),
});

/** Prints what the relay host is configured with: from the foundation's inputs, and this data directory's relay key, which is made on first use. */
export const awsRelayConfig = operation({
  name: 'aws_relay_config',
  summary: 'print what makes a host the relay of sandboxes on EC2',
  access: 'none',
  args: z.strictObject({
    file: z.string(),
    user: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'expected the name of a user on the relay host')
      .default('burnbag-relay'),
  }),
  result: RelayConfigSummary,
  async run({ file, user }, { environment }) {
    const inputs = await readFoundationInputs(file);
    const { publicKeyLine } = await openFileSigner(relayKeyFile(environment.home));
    const { username, sshdConfigFile, sshdConfig, authorizedKeys, cloudConfig } = await relayHostOf(inputs, {
      username: user,
      publicKeyLine,
    });
    return {
      schema: 'burnbag.aws-relay-config/1' as const,
      ...{ username, sshd_config_file: sshdConfigFile, sshd_config: sshdConfig },
      ...{ authorized_keys: authorizedKeys, cloud_config: cloudConfig },
    };
  },
});
