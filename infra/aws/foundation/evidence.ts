import { s3 } from '@pulumi/aws';
import type * as pulumi from '@pulumi/pulumi';
import { foundationTags } from '../tags.ts';
import { evidenceBucketStatements } from './documents/buckets.ts';
import { document } from './documents/statement.ts';
import type { FoundationInputs } from './inputs.ts';
import { bucketNames } from './names.ts';

/** The evidence bucket, locked, encrypted with its own key, private. It stays when the foundation goes: what is locked in it has to. */
export function makeEvidenceBucket(
  inputs: FoundationInputs,
  keyArn: pulumi.Output<string>,
  options: pulumi.CustomResourceOptions,
): s3.Bucket {
  const { evidence: name } = bucketNames(inputs);
  const policy = keyArn.apply((evidenceKeyArn) =>
    document(evidenceBucketStatements(name, { retentionDays: inputs.retentionDays, evidenceKeyArn })),
  );
  const { bucket } = lockedBucket('evidence', name, { inputs, policy }, options);
  new s3.BucketServerSideEncryptionConfiguration(
    'evidence',
    {
      bucket: bucket.bucket,
      rules: [
        {
          applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: keyArn },
          bucketKeyEnabled: true,
        },
      ],
    },
    { ...options, retainOnDelete: true },
  );
  return bucket;
}

/** A bucket, and the policy without which nobody should use it. */
interface LockedBucket {
  readonly bucket: s3.Bucket;
  readonly policy: s3.BucketPolicy;
}

/** A bucket with versions, a lock, no public access and one owner. The policy comes last: it refuses what some of the others need. */
export function lockedBucket(
  name: string,
  bucketName: string,
  { inputs, policy }: { readonly inputs: FoundationInputs; readonly policy: pulumi.Input<string> },
  options: pulumi.CustomResourceOptions,
): LockedBucket {
  const kept = { ...options, retainOnDelete: true };
  const tags = foundationTags(inputs.installationId, name);
  const made = new s3.Bucket(name, { bucket: bucketName, objectLockEnabled: true, forceDestroy: false, tags }, kept);
  const { bucket } = made;
  const versioning = new s3.BucketVersioning(name, { bucket, versioningConfiguration: { status: 'Enabled' } }, kept);
  const defaultRetention = { mode: 'COMPLIANCE', days: inputs.retentionDays };
  const parts = [
    versioning,
    new s3.BucketObjectLockConfiguration(
      name,
      { bucket, rule: { defaultRetention } },
      { ...kept, dependsOn: [versioning] },
    ),
    new s3.BucketPublicAccessBlock(
      name,
      { bucket, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
      kept,
    ),
    new s3.BucketOwnershipControls(name, { bucket, rule: { objectOwnership: 'BucketOwnerEnforced' } }, kept),
  ];
  return { bucket: made, policy: new s3.BucketPolicy(name, { bucket, policy }, { ...kept, dependsOn: parts }) };
}
