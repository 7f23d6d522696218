import { FoundationInputs } from '../../../infra/aws/foundation/inputs.ts';
import { ACCOUNT, REGION } from './clients.ts';
import { INSTALLATION } from './network.ts';

/** A foundation with everything that one can have. */
export const FOUNDATION_INPUTS = FoundationInputs.parse({
  installationId: INSTALLATION,
  accountId: ACCOUNT,
  region: REGION,
  zones: ['eu-central-1a', 'eu-central-1b'],
  signingKeySpec: 'ECC_NIST_P256',
  relayClients: ['192.168.7.0/24'],
  apiEndpoints: true,
  budget: { limitUsd: 50, email: 'ops@example.com' },
});

/** The same one, when its owner has thought again. */
export const CHANGED_INPUTS = FoundationInputs.parse({
  ...FOUNDATION_INPUTS,
  ...{ relayClients: ['192.168.8.0/24'], retentionDays: 60 },
  ...{ trustedPrincipals: [`arn:aws:iam::${ACCOUNT}:role/ci`], budget: { limitUsd: 80, email: 'ops@example.com' } },
});

/** And when he needs other zones, one of them before all others, no longer the endpoints or to be warned, and state in S3. */
export const MOVED_INPUTS = FoundationInputs.parse({
  ...CHANGED_INPUTS,
  ...{ zones: ['eu-central-1c', 'eu-central-1a'], apiEndpoints: false, budget: undefined },
  state: { url: `s3://pulumi-state/team?region=${REGION}` },
});
