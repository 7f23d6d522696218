import type { Place, Statement } from './statement.ts';

/** The key that encrypts evidence: who may use it is said by the roles' policies. */
export function evidenceKeyStatements({ accountId }: Place): readonly Statement[] {
  return [
    {
      sid: 'AccountDecides',
      why: 'without it nobody could ever change the key again',
      effect: 'Allow',
      principal: { AWS: `arn:aws:iam::${accountId}:root` },
      actions: ['kms:*'],
      resources: ['*'],
    },
  ];
}

/** A signing key: the orchestrator signs, administrators keep it and cannot sign, unless they change this and CloudTrail says so. */
export function signingKeyStatements({ accountId }: Place, orchestratorArn: string): readonly Statement[] {
  return [
    {
      sid: 'AccountKeeps',
      why: 'everything but signing',
      effect: 'Allow',
      principal: { AWS: `arn:aws:iam::${accountId}:root` },
      actions: [
        'kms:CancelKeyDeletion',
        'kms:DescribeKey',
        'kms:DisableKey',
        'kms:EnableKey',
        'kms:GetKeyPolicy',
        'kms:GetKeyRotationStatus',
        'kms:GetPublicKey',
        'kms:ListResourceTags',
        'kms:PutKeyPolicy',
        'kms:ScheduleKeyDeletion',
        'kms:TagResource',
        'kms:UntagResource',
        'kms:UpdateKeyDescription',
        'kms:CreateAlias',
        'kms:DeleteAlias',
      ],
      resources: ['*'],
    },
    {
      sid: 'OrchestratorSigns',
      why: 'and nobody else',
      effect: 'Allow',
      principal: { AWS: orchestratorArn },
      actions: ['kms:DescribeKey', 'kms:GetPublicKey', 'kms:Sign'],
      resources: ['*'],
    },
  ];
}

/** Who may take a role on: the named principals, or whom the account's own administrators allow it. */
export function trustStatements({ accountId }: Place, trusted: readonly string[]): readonly Statement[] {
  return [
    {
      sid: 'Trusted',
      why: 'nobody of another account, unless named',
      effect: 'Allow',
      principal: { AWS: trusted.length > 0 ? trusted : `arn:aws:iam::${accountId}:root` },
      actions: ['sts:AssumeRole'],
      resources: [],
    },
  ];
}
