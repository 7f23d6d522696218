import { ArchiveError, isArchiveError } from './errors.ts';
import type { S3 } from './s3.ts';

/**
 * Refuses a bucket without Object Lock: evidence that can be deleted is none. Makes the bucket, locked from birth, where it is
 * absent and `create` allows it: only on an archive of our own, since a bucket in somebody's account is theirs to make.
 */
export async function requireLockedBucket(s3: S3, bucket: string, create: boolean): Promise<void> {
  try {
    await requireObjectLock(s3, bucket);
  } catch (error) {
    if (!create || !isArchiveError(error, 'no_bucket')) throw error;
    await createBucket(s3, bucket);
    await requireObjectLock(s3, bucket);
  }
}

async function requireObjectLock(s3: S3, bucket: string): Promise<void> {
  const found = await s3.call(`to hold bucket ${bucket} with Object Lock`, ({ client, sdk, abortSignal }) =>
    client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket: bucket }), { abortSignal }),
  );
  if (found.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled') return;
  throw new ArchiveError('no_object_lock', {
    expected: `bucket ${bucket} at ${s3.endpoint} to have Object Lock`,
    got: 'one without',
    hint: 'use a bucket that was made with Object Lock on: evidence that can be deleted is none',
  });
}

async function createBucket(s3: S3, bucket: string): Promise<void> {
  try {
    await s3.call(`to make bucket ${bucket}`, ({ client, sdk, abortSignal }) =>
      client.send(new sdk.CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }), { abortSignal }),
    );
  } catch (error) {
    // Made by somebody else in between: the check that follows says what it is.
    if (!isArchiveError(error, 'refused', 'exists')) throw error;
  }
}
