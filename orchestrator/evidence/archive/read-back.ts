import type { ObjectLock } from '../format/values.ts';
import { ArchiveError } from './errors.ts';
import type { S3 } from './s3.ts';
import type { ObjectSource } from './send-object.ts';

/** One object to be put under lock. */
export interface PutOrder {
  readonly bucket: string;
  readonly key: string;
  readonly source: ObjectSource;
  readonly lock: ObjectLock;
}

/** What the store says it has, under one version id. */
export interface StoredObject {
  readonly versionId: string;
  readonly bytes: number | undefined;
  readonly sha256: string | undefined;
  readonly lock: ObjectLock | undefined;
}

/** Asks the store for one version, or for the latest; a delete marker over it would hide it, hence the id wherever it is known. */
export async function readStored(s3: S3, order: PutOrder, versionId: string | undefined): Promise<StoredObject> {
  const { bucket, key } = order;
  const head = await s3.call(`to tell about ${key}`, ({ client, sdk, abortSignal }) =>
    client.send(
      new sdk.HeadObjectCommand({
        Bucket: bucket,
        Key: key,
        ChecksumMode: 'ENABLED',
        ...(versionId !== undefined && { VersionId: versionId }),
      }),
      { abortSignal },
    ),
  );
  const mode = head.ObjectLockMode;
  const until = head.ObjectLockRetainUntilDate;
  return {
    versionId: versionId ?? head.VersionId ?? '',
    bytes: head.ContentLength,
    sha256: head.ChecksumSHA256 === undefined ? undefined : Buffer.from(head.ChecksumSHA256, 'base64').toString('hex'),
    lock:
      (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') && until !== undefined
        ? { mode, retain_until: until.toISOString() }
        : undefined,
  };
}

/** The stored content must be ours: by size and by the SHA-256 that the store computed itself. */
export function requireContent(s3: S3, { key, source }: PutOrder, stored: StoredObject): void {
  if (stored.bytes === source.bytes && stored.sha256 === source.sha256 && stored.versionId !== '') return;
  throw new ArchiveError('conflict', {
    expected: `${key} at ${s3.endpoint} to be ${source.bytes} bytes with sha256 ${source.sha256}`,
    got: `${stored.bytes ?? 'unknown'} bytes with sha256 ${stored.sha256 ?? 'unknown'}`,
    hint: 'an object of that name was put by somebody else, or the store does not keep checksums; the locked one cannot be replaced',
  });
}

/** The lock read back must be the mode that was asked, for at least as long. */
export function requireLock(s3: S3, { key, lock }: PutOrder, stored: StoredObject): ObjectLock {
  if (stored.lock?.mode === lock.mode && stored.lock.retain_until >= lock.retain_until) return stored.lock;
  throw new ArchiveError('lock_not_as_asked', {
    expected: `${key} at ${s3.endpoint} to be locked ${lock.mode} until ${lock.retain_until}`,
    got: stored.lock === undefined ? 'no lock' : `${stored.lock.mode} until ${stored.lock.retain_until}`,
    hint: 'the store does not keep what it was told; do not use it as an archive',
  });
}
