import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import type { ObjectLock } from '../format/values.ts';
import { ArchiveError, isArchiveError } from './errors.ts';
import { type PutOrder, readStored, requireContent, requireLock, type StoredObject } from './read-back.ts';
import type { S3 } from './s3.ts';
import { sendObject } from './send-object.ts';

/** An object as the archive holds it; `lock` is what it answered when asked again. */
export interface ArchivedObject {
  readonly key: string;
  readonly version_id: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly lock: ObjectLock;
}

/** S3 takes this much in one request; more would need parts, which no run's evidence does. */
const OBJECT_MAX_BYTES = 5 * 1024 ** 3;
/** Slowest way to a store that is waited for, on top of a call's own deadline. */
const SLOWEST_BYTES_PER_SECOND = 256 * 1024;
const PUT_DEADLINE_MS = 10_000;

/**
 * Puts one object with its own lock (never the bucket's default) and its SHA-256, unless one of that name is there; then reads back
 * what the store has, by version id: content and lock must be as asked. The same content found there already is as good as put.
 */
export async function putLocked(s3: S3, order: PutOrder): Promise<ArchivedObject> {
  const version = await putNew(s3, order);
  const stored = await readStored(s3, order, version);
  requireContent(s3, order, stored);
  const lock = version === undefined ? await prolong(s3, order, stored) : requireLock(s3, order, stored);
  const { bytes, sha256 } = order.source;
  return { key: order.key, version_id: stored.versionId, bytes, sha256, lock };
}

/** The new version's id; undefined when an object of that name is there. */
async function putNew(s3: S3, { bucket, key, source, lock }: PutOrder): Promise<string | undefined> {
  if (source.bytes > OBJECT_MAX_BYTES) {
    const said = {
      expected: `at most ${OBJECT_MAX_BYTES} bytes an object`,
      got: `${source.bytes} for ${key}`,
      hint: 'split the file',
    };
    throw new ArchiveError('refused', said);
  }
  const input: PutObjectCommandInput = {
    Bucket: bucket,
    Key: key,
    ContentLength: source.bytes,
    // Some stores take a lock only from a request that names its checksum's algorithm as well.
    ChecksumAlgorithm: 'SHA256',
    ChecksumSHA256: Buffer.from(source.sha256, 'hex').toString('base64'),
    ObjectLockMode: lock.mode,
    ObjectLockRetainUntilDate: new Date(lock.retain_until),
    IfNoneMatch: '*',
  };
  const deadlineMs = PUT_DEADLINE_MS + Math.ceil((source.bytes / SLOWEST_BYTES_PER_SECOND) * 1000);
  try {
    const put = await s3.call(`to put ${key} under lock`, (use) => sendObject(use, input, source), { deadlineMs });
    return put.VersionId ?? missingVersion(s3, key);
  } catch (error) {
    if (isArchiveError(error, 'exists')) return undefined;
    throw error;
  }
}

/** An object found there from an earlier attempt: its lock is made as long and as strong as asked, never shorter. */
async function prolong(s3: S3, order: PutOrder, stored: StoredObject): Promise<ObjectLock> {
  const { bucket, key, lock } = order;
  const isEnough = stored.lock?.mode === lock.mode && stored.lock.retain_until >= lock.retain_until;
  if (isEnough) return requireLock(s3, order, stored);
  await s3.call(`to prolong the lock of ${key}`, ({ client, sdk, abortSignal }) =>
    client.send(
      new sdk.PutObjectRetentionCommand({
        Bucket: bucket,
        Key: key,
        VersionId: stored.versionId,
        Retention: { Mode: lock.mode, RetainUntilDate: new Date(lock.retain_until) },
      }),
      { abortSignal },
    ),
  );
  return requireLock(s3, order, await readStored(s3, order, stored.versionId));
}

function missingVersion(s3: S3, key: string): never {
  throw new ArchiveError('no_object_lock', {
    expected: `a version id for ${key} from ${s3.endpoint}`,
    got: 'none',
    hint: 'the bucket is not versioned, so nothing in it is locked; use one made with Object Lock on',
  });
}
