import {
  CreateBucketCommand,
  DeleteBucketCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Properties } from '../../../../../infra/local/provider/resource.ts';
import { call, unlessGone } from '../failure.ts';
import { count, flag, list, nested, text } from '../inputs.ts';
import type { Kind } from '../kind.ts';
import { retagBucket } from '../retag.ts';

/** `aws:s3/bucket:Bucket`. */
export const bucket: Kind = {
  takes: ['bucket', 'objectLockEnabled', 'forceDestroy', 'tags.*'],
  replaces: ['bucket', 'objectLockEnabled'],
  retag: retagBucket,
  create: async (cloud, inputs) => {
    const { s3, region } = cloud;
    const Bucket = text(inputs, 'bucket');
    const request = new CreateBucketCommand({
      Bucket,
      ObjectLockEnabledForBucket: flag(inputs, 'objectLockEnabled'),
      CreateBucketConfiguration: { LocationConstraint: region as never },
    });
    await call('creating S3 Bucket', 'S3', 'CreateBucket', () => s3.send(request));
    await retagBucket(cloud, Bucket, inputs['tags']);
    return { id: Bucket, outputs: { ...inputs, arn: `arn:aws:s3:::${Bucket}` } };
  },
  read: async ({ s3 }, id, state) =>
    (await unlessGone(s3.send(new HeadBucketCommand({ Bucket: id })))) === undefined ? undefined : state,
  delete: async ({ s3 }, id) => {
    await unlessGone(
      call('deleting S3 Bucket', 'S3', 'DeleteBucket', () => s3.send(new DeleteBucketCommand({ Bucket: id }))),
    );
  },
};

/** A resource that is one setting of a bucket; deleted with it. */
function setting(
  takes: readonly string[],
  operation: string,
  put: (s3: S3Client, bucketName: string, inputs: Properties) => Promise<unknown>,
): Kind {
  return {
    takes: ['bucket', ...takes],
    replaces: ['bucket'],
    updates: takes.map((path) => path.split('.')[0] ?? ''),
    update: async ({ s3 }, id, inputs) => {
      await call('setting S3 Bucket', 'S3', operation, () => put(s3, id, inputs));
      return inputs;
    },
    create: async ({ s3 }, inputs) => {
      const id = text(inputs, 'bucket');
      await call('setting S3 Bucket', 'S3', operation, () => put(s3, id, inputs));
      return { id, outputs: inputs };
    },
    read: (_cloud, _id, state) => Promise.resolve(state),
    delete: () => Promise.resolve(),
  };
}

export const bucketVersioning = setting(
  ['versioningConfiguration.status'],
  'PutBucketVersioning',
  (s3, Bucket, inputs) =>
    s3.send(
      new PutBucketVersioningCommand({
        Bucket,
        VersioningConfiguration: {
          Status: text(nested(inputs, 'versioningConfiguration'), 'status') === 'Enabled' ? 'Enabled' : 'Suspended',
        },
      }),
    ),
);

export const bucketLock = setting(
  ['rule.defaultRetention.mode', 'rule.defaultRetention.days'],
  'PutObjectLockConfiguration',
  (s3, Bucket, inputs) => {
    const retention = nested(nested(inputs, 'rule'), 'defaultRetention');
    const Mode = text(retention, 'mode') === 'COMPLIANCE' ? 'COMPLIANCE' : 'GOVERNANCE';
    const Rule = { DefaultRetention: { Mode, Days: count(retention, 'days') } } as const;
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule } as const;
    return s3.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  },
);

export const bucketPublicAccess = setting(
  ['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets'],
  'PutPublicAccessBlock',
  (s3, Bucket, inputs) => {
    const PublicAccessBlockConfiguration = {
      BlockPublicAcls: flag(inputs, 'blockPublicAcls'),
      BlockPublicPolicy: flag(inputs, 'blockPublicPolicy'),
      IgnorePublicAcls: flag(inputs, 'ignorePublicAcls'),
      RestrictPublicBuckets: flag(inputs, 'restrictPublicBuckets'),
    };
    return s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
  },
);

export const bucketOwnership = setting(['rule.objectOwnership'], 'PutBucketOwnershipControls', (s3, Bucket, inputs) => {
  const wanted = text(nested(inputs, 'rule'), 'objectOwnership');
  if (wanted !== 'BucketOwnerEnforced') throw new Error(`the fake does not know the ownership ${wanted}`);
  const OwnershipControls = { Rules: [{ ObjectOwnership: wanted }] } as const;
  return s3.send(
    new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules: [...OwnershipControls.Rules] } }),
  );
});

const ENCRYPTION = [
  'rules.applyServerSideEncryptionByDefault.sseAlgorithm',
  'rules.applyServerSideEncryptionByDefault.kmsMasterKeyId',
  'rules.bucketKeyEnabled',
];

export const bucketEncryption = setting(ENCRYPTION, 'PutBucketEncryption', (s3, Bucket, inputs) => {
  const Rules = list(inputs, 'rules').map((rule) => {
    const kept = nested(rule, 'applyServerSideEncryptionByDefault');
    return {
      ApplyServerSideEncryptionByDefault: {
        SSEAlgorithm: text(kept, 'sseAlgorithm') === 'aws:kms' ? ('aws:kms' as const) : ('AES256' as const),
        KMSMasterKeyID: text(kept, 'kmsMasterKeyId'),
      },
      BucketKeyEnabled: flag(rule, 'bucketKeyEnabled'),
    };
  });
  return s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }));
});

/**
 * Kept in the state and not put: moto takes no notice of conditions, so that a policy which denies plain HTTP would deny everything.
 * What the policy says is tested by itself.
 */
export const bucketPolicy: Kind = {
  ...setting(['policy'], 'PutBucketPolicy', () => Promise.resolve()),
  create: ({ bucketPolicies }, inputs) => {
    JSON.parse(text(inputs, 'policy'));
    bucketPolicies.set(text(inputs, 'bucket'), text(inputs, 'policy'));
    return Promise.resolve({ id: text(inputs, 'bucket'), outputs: inputs });
  },
  update: ({ bucketPolicies }, id, inputs) => {
    JSON.parse(text(inputs, 'policy'));
    bucketPolicies.set(id, text(inputs, 'policy'));
    return Promise.resolve(inputs);
  },
};
