import { ArchiveError } from './errors.ts';
import type { S3 } from './s3.ts';

/** One version, and whether the store says that it is held. */
export interface HoldState {
  readonly version_id: string;
  readonly held: boolean;
}

/** Sets or clears the legal hold of one version (the latest where none is named), then asks the store what it has. */
export async function setHold(
  s3: S3,
  { bucket, key, versionId }: { bucket: string; key: string; versionId: string | undefined },
  hold: boolean,
): Promise<HoldState> {
  const version = versionId ?? (await latestVersion(s3, bucket, key));
  const object = { Bucket: bucket, Key: key, VersionId: version };
  const status = hold ? 'ON' : 'OFF';
  await s3.call(`to set the legal hold of ${key}`, ({ client, sdk, abortSignal }) =>
    client.send(new sdk.PutObjectLegalHoldCommand({ ...object, LegalHold: { Status: status } }), { abortSignal }),
  );
  const told = await s3.call(`to tell the legal hold of ${key}`, ({ client, sdk, abortSignal }) =>
    client.send(new sdk.GetObjectLegalHoldCommand(object), { abortSignal }),
  );
  if (told.LegalHold?.Status === status) return { version_id: version, held: hold };
  throw new ArchiveError('lock_not_as_asked', {
    expected: `${key} at ${s3.endpoint} to have its legal hold ${status}`,
    got: told.LegalHold?.Status ?? 'no legal hold',
    hint: 'the store does not keep what it was told; do not rely on the hold',
  });
}

async function latestVersion(s3: S3, bucket: string, key: string): Promise<string> {
  const head = await s3.call(`to tell about ${key}`, ({ client, sdk, abortSignal }) =>
    client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal }),
  );
  if (head.VersionId !== undefined) return head.VersionId;
  throw new ArchiveError('no_object_lock', {
    expected: `a version id for ${key} from ${s3.endpoint}`,
    got: 'none',
    hint: 'the bucket is not versioned, so nothing in it can be held',
  });
}
