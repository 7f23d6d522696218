import { z } from 'zod';
import { AccountId, InstallationId, Region } from '../run/inputs.ts';
import { StateUrl } from '../state-url.ts';

/** What the foundation exports and the driver reads. Nothing of it is secret. */
export const FoundationOutputs = z.strictObject({
  installationId: InstallationId,
  accountId: AccountId,
  region: Region,
  /** The sandboxes' VPC: no way out, no name resolution. */
  sandboxVpcId: z.string().startsWith('vpc-'),
  /** One per zone, in the order they are tried. */
  sandboxSubnets: z.array(z.strictObject({ id: z.string().startsWith('subnet-'), zone: z.string() })).min(1),
  relayVpcId: z.string().startsWith('vpc-'),
  relaySubnetId: z.string().startsWith('subnet-'),
  relaySecurityGroupId: z.string().startsWith('sg-'),
  /** The relay's interface, kept by the foundation so that nobody else can get its address. */
  relayInterfaceId: z.string().startsWith('eni-'),
  relayAddress: z.ipv4(),
  evidenceBucket: z.string(),
  /** Encrypts the evidence. */
  evidenceKeyArn: z.string().startsWith('arn:'),
  /** Signs certificates. */
  caKeyArn: z.string().startsWith('arn:'),
  /** Signs evidence. Receipts have a key that nothing else uses: see docs/aws.md. */
  evidenceSigningKeyArn: z.string().startsWith('arn:'),
  orchestratorRoleArn: z.string().startsWith('arn:'),
  reaperRoleArn: z.string().startsWith('arn:'),
  readerRoleArn: z.string().startsWith('arn:'),
  /** Publishes and retires images. */
  publisherRoleArn: z.string().startsWith('arn:'),
  trailArn: z.string().startsWith('arn:'),
  /** The relay host, and whom it lets in, where the foundation makes it. */
  relayInstanceId: z.string().startsWith('i-').optional(),
  relayUsername: z.string().optional(),
  /** As the inputs have it: what the roles may keep state in. */
  stateUrl: StateUrl.optional(),
});
export type FoundationOutputs = z.infer<typeof FoundationOutputs>;
