import { createHash } from 'node:crypto';
import { isArchiveError } from './errors.ts';
import type { S3 } from './s3.ts';

/** A small object that is there to be attacked. */
export interface ProbeObject {
  readonly key: string;
  readonly versionId: string;
  readonly lockedUntil: Date;
}

/** What the attempts are made on. */
export interface Target {
  readonly s3: S3;
  readonly bucket: string;
  readonly locked: ProbeObject;
  /** Its lock runs out while the probe runs. */
  readonly expiring: ProbeObject;
}

export const PROBE_CONTENT = 'burnbag lock probe\n';

/** Puts one probe object in COMPLIANCE mode, locked for about that long. */
export async function putProbeObject(s3: S3, bucket: string, key: string, lockedForMs: number): Promise<ProbeObject> {
  const lockedUntil = new Date(Math.ceil((Date.now() + lockedForMs) / 1000) * 1000);
  const put = await s3.call(`to put ${key} under lock`, ({ client, sdk, abortSignal }) =>
    client.send(
      new sdk.PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: PROBE_CONTENT,
        // Some stores take a lock only from a request that names its checksum's algorithm as well.
        ChecksumAlgorithm: 'SHA256',
        ChecksumSHA256: createHash('sha256').update(PROBE_CONTENT).digest('base64'),
        ObjectLockMode: 'COMPLIANCE',
        ObjectLockRetainUntilDate: lockedUntil,
      }),
      { abortSignal },
    ),
  );
  return { key, versionId: put.VersionId ?? 'null', lockedUntil };
}

/** Removes what earlier probes left, once its lock has run out. A store that does not let us is no worse as an archive. */
export async function sweepOldProbes(s3: S3, bucket: string): Promise<void> {
  try {
    await s3.call('to sweep old probe objects', async ({ client, sdk, abortSignal }) => {
      const found = await client.send(new sdk.ListObjectVersionsCommand({ Bucket: bucket, Prefix: 'probe/' }), {
        abortSignal,
      });
      const old = [...(found.Versions ?? []), ...(found.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
        Key,
        VersionId,
      }));
      if (old.length === 0) return;
      await client.send(new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: old, Quiet: true } }), {
        abortSignal,
      });
    });
  } catch (error) {
    if (!isArchiveError(error) || error.retryable) throw error;
  }
}
