import { block, blocks, expect, firstOf, type Properties, type Rule } from '../rule.ts';

/** What keeps evidence from being changed, lost or read by others. */
export const EVIDENCE_RULES: readonly Rule[] = [
  {
    name: 'locked-bucket',
    why: 'without Object Lock, in the mode nobody can undo, evidence can be deleted by whoever has the keys',
    types: ['aws:s3/bucket:Bucket', 'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration'],
    check: ({ type, props }) => {
      if (type === 'aws:s3/bucket:Bucket')
        return firstOf(
          expect(props['objectLockEnabled'] === true, 'objectLockEnabled true', props['objectLockEnabled']),
          expect(props['forceDestroy'] !== true, 'forceDestroy false', props['forceDestroy']),
        );
      const { mode, days, years } = block(block(props['rule'])['defaultRetention']);
      return firstOf(
        expect(mode === 'COMPLIANCE', 'the mode COMPLIANCE', mode),
        expect(Number(days ?? years ?? 0) >= 1, 'a retention of a day or more', days ?? years),
      );
    },
  },
  {
    name: 'versioned-bucket',
    why: 'Object Lock holds versions: where versioning is suspended, an overwrite destroys what was locked',
    types: ['aws:s3/bucketVersioning:BucketVersioning'],
    check: ({ props }) => {
      const { status } = block(props['versioningConfiguration']);
      return expect(status === 'Enabled', 'the status "Enabled"', status);
    },
  },
  {
    name: 'private-bucket',
    why: 'evidence holds what an untrusted script read and wrote',
    types: ['aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock'],
    check: ({ props }) =>
      firstOf(
        ...['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets'].map((name) =>
          expect(props[name] === true, `${name} true`, props[name]),
        ),
      ),
  },
  {
    name: 'no-lifecycle-deletion',
    why: 'a lifecycle rule deletes by itself the day a retention ends',
    types: ['aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration'],
    check: ({ props }) =>
      firstOf(
        ...blocks(props['rules']).flatMap((rule) =>
          ['expiration', 'noncurrentVersionExpiration'].map((name) =>
            expect(rule[name] === undefined, `no ${name}`, rule[name]),
          ),
        ),
      ),
  },
  {
    name: 'encrypted-bucket',
    why: "evidence is encrypted with the installation's own key, whose use is logged and can be ended",
    types: ['aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration'],
    check: ({ props }) =>
      firstOf(...blocks(props['rules']).map((rule) => onlyKms(block(rule['applyServerSideEncryptionByDefault'])))),
  },
];

function onlyKms({ sseAlgorithm, kmsMasterKeyId }: Properties): string | undefined {
  return firstOf(
    expect(sseAlgorithm === 'aws:kms', 'sseAlgorithm "aws:kms"', sseAlgorithm),
    expect(kmsMasterKeyId !== undefined, 'a key of our own', kmsMasterKeyId),
  );
}
