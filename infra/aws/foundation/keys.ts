import { kms } from '@pulumi/aws';
import type * as pulumi from '@pulumi/pulumi';
import { foundationTags } from '../tags.ts';
import { evidenceKeyStatements, signingKeyStatements } from './documents/keys.ts';
import { document } from './documents/statement.ts';
import type { FoundationInputs } from './inputs.ts';

export interface Keys {
  readonly evidence: kms.Key;
  readonly ca: kms.Key;
  readonly evidenceSigning: kms.Key;
}

/** As long as KMS lets a deletion be taken back. */
const DELETION_WINDOW_DAYS = 30;

/** One key per purpose: encrypting evidence, signing certificates, signing evidence. None leaves KMS. All stay when the foundation goes. */
export function makeKeys(
  inputs: FoundationInputs,
  orchestratorArn: pulumi.Output<string>,
  options: pulumi.CustomResourceOptions,
): Keys {
  const kept = { ...options, retainOnDelete: true };
  const evidence = new kms.Key(
    'evidence',
    {
      description: 'Burnbag: encrypts evidence',
      enableKeyRotation: true,
      deletionWindowInDays: DELETION_WINDOW_DAYS,
      policy: document(evidenceKeyStatements(inputs)),
      tags: foundationTags(inputs.installationId, 'evidence'),
    },
    kept,
  );
  const signing = (name: string, description: string, spec: FoundationInputs['signingKeySpec']): kms.Key =>
    new kms.Key(
      name,
      {
        description,
        keyUsage: 'SIGN_VERIFY',
        customerMasterKeySpec: spec,
        enableKeyRotation: false,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: orchestratorArn.apply((arn) => document(signingKeyStatements(inputs, arn))),
        tags: foundationTags(inputs.installationId, name),
      },
      kept,
    );
  const keys = {
    evidence,
    ca: signing('ca', 'Burnbag: signs certificates', inputs.signingKeySpec),
    // KMS signs at most 4096 bytes with Ed25519; what evidence signs is often longer.
    evidenceSigning: signing('evidence-signing', 'Burnbag: signs evidence', 'ECC_NIST_P256'),
  };
  for (const [name, key] of Object.entries({ evidence, ca: keys.ca, 'evidence-signing': keys.evidenceSigning }))
    new kms.Alias(name, { name: `alias/burnbag-${inputs.installationId}-${name}`, targetKeyId: key.keyId }, options);
  return keys;
}
