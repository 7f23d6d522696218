import { type ArchiveErrorCode, isArchiveError } from './errors.ts';
import { PROBE_CONTENT, type Target } from './probe-objects.ts';
import type { S3Use } from './s3.ts';

/** One attempt of the probe. Each is one request, and a way in which stores have been seen to let go of a lock. */
export interface Attempt {
  readonly name: ProbeCheckName;
  readonly what: string;
  readonly expected: 'refused' | 'accepted';
  readonly attempt: (target: Target) => Promise<'refused' | 'accepted'>;
}

export type ProbeCheckName =
  | 'extend'
  | 'delete'
  | 'delete_bypass'
  | 'shorten'
  | 'shorten_bypass'
  | 'change_mode'
  | 'suspend_versioning'
  | 'wrong_checksum'
  | 'overwrite'
  | 'delete_expired'
  | 'batch_delete'
  | 'survival';

/** What must work: else the refusals below come from missing permissions, and show nothing of the lock. */
export const CONTROLS: readonly Attempt[] = [
  {
    name: 'extend',
    what: 'prolong a lock',
    expected: 'accepted',
    attempt: (target) => retain(target, { mode: 'COMPLIANCE', byMs: 1_000 }),
  },
];

/** What must not work on a version that is locked. */
export const ATTACKS: readonly Attempt[] = [
  {
    name: 'delete',
    what: 'delete a locked version',
    expected: 'refused',
    attempt: (target) => deleteLocked(target, false),
  },
  {
    name: 'delete_bypass',
    what: 'delete it, bypassing governance',
    expected: 'refused',
    attempt: (target) => deleteLocked(target, true),
  },
  {
    name: 'shorten',
    what: 'shorten a lock',
    expected: 'refused',
    attempt: (target) => retain(target, { mode: 'COMPLIANCE', byMs: -10_000 }),
  },
  {
    name: 'shorten_bypass',
    what: 'shorten it, bypassing governance',
    expected: 'refused',
    attempt: (target) => retain(target, { mode: 'COMPLIANCE', byMs: -10_000, bypass: true }),
  },
  {
    name: 'change_mode',
    what: 'turn COMPLIANCE into GOVERNANCE',
    expected: 'refused',
    attempt: (target) => retain(target, { mode: 'GOVERNANCE', byMs: 2_000, bypass: true }),
  },
  { name: 'suspend_versioning', what: 'suspend versioning', expected: 'refused', attempt: suspendVersioning },
  {
    name: 'wrong_checksum',
    what: 'put content that is not what its SHA-256 says',
    expected: 'refused',
    attempt: putWrongChecksum,
  },
  {
    name: 'overwrite',
    what: 'put over an object that is there, with If-None-Match',
    expected: 'refused',
    attempt: overwrite,
  },
];

/** After the other object's lock has run out: it may go, and must not take the locked one with it. */
export const BATCH_DELETE: readonly Attempt[] = [
  {
    name: 'batch_delete',
    what: 'delete it in a batch with an expired one',
    expected: 'refused',
    attempt: deleteInBatch,
  },
  { name: 'delete_expired', what: 'delete a version whose lock ran out', expected: 'accepted', attempt: isExpiredGone },
];

/** Whatever was answered above: is it still there, whole and locked? A store may say no and do it all the same. */
export const SURVIVAL: Attempt = {
  name: 'survival',
  what: 'read it back, still locked',
  expected: 'accepted',
  attempt: hasSurvived,
};

async function deleteLocked(target: Target, bypass: boolean) {
  const { bucket, locked } = target;
  return answer(target, 'to delete a locked version', ({ client, sdk, abortSignal }) =>
    client.send(
      new sdk.DeleteObjectCommand({
        Bucket: bucket,
        Key: locked.key,
        VersionId: locked.versionId,
        ...(bypass && { BypassGovernanceRetention: true }),
      }),
      { abortSignal },
    ),
  );
}

/** Asks for another lock, ending that much later or earlier than the one put. */
async function retain(target: Target, to: { mode: 'COMPLIANCE' | 'GOVERNANCE'; byMs: number; bypass?: true }) {
  const { bucket, locked } = target;
  return answer(target, 'to change a lock', ({ client, sdk, abortSignal }) =>
    client.send(
      new sdk.PutObjectRetentionCommand({
        Bucket: bucket,
        Key: locked.key,
        VersionId: locked.versionId,
        ...(to.bypass && { BypassGovernanceRetention: true }),
        Retention: { Mode: to.mode, RetainUntilDate: new Date(locked.lockedUntil.getTime() + to.byMs) },
      }),
      { abortSignal },
    ),
  );
}

/** Where a store lets us, versioning is switched on again at once: the bucket is the one the evidence lies in. */
async function suspendVersioning(target: Target) {
  const set = (Status: 'Suspended' | 'Enabled') =>
    answer(target, `to set versioning to ${Status}`, ({ client, sdk, abortSignal }) =>
      client.send(new sdk.PutBucketVersioningCommand({ Bucket: target.bucket, VersioningConfiguration: { Status } }), {
        abortSignal,
      }),
    );
  const got = await set('Suspended');
  if (got === 'accepted') await set('Enabled');
  return got;
}

async function putWrongChecksum(target: Target) {
  return answer(target, 'to put content with a wrong checksum', ({ client, sdk, abortSignal }) =>
    client.send(
      new sdk.PutObjectCommand({
        Bucket: target.bucket,
        Key: `${target.locked.key}-wrong`,
        Body: PROBE_CONTENT,
        ChecksumSHA256: Buffer.alloc(32).toString('base64'),
      }),
      { abortSignal },
    ),
  );
}

async function overwrite(target: Target) {
  return answer(target, 'to put over an object', ({ client, sdk, abortSignal }) =>
    client.send(
      new sdk.PutObjectCommand({ Bucket: target.bucket, Key: target.locked.key, Body: 'other', IfNoneMatch: '*' }),
      {
        abortSignal,
      },
    ),
  );
}

/** A batch answers for each of its members; no word about the locked one means it was deleted. */
async function deleteInBatch(target: Target) {
  const { bucket, locked, expiring } = target;
  const members = [expiring, locked].map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
  const refused: unknown[] = [];
  const got = await answer(target, 'to delete a batch', async ({ client, sdk, abortSignal }) => {
    const command = new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: members } });
    const { Errors = [] } = await client.send(command, { abortSignal });
    refused.push(...Errors.map(({ Key }) => Key));
  });
  return refused.includes(locked.key) ? 'refused' : got;
}

async function isExpiredGone(target: Target) {
  const found = await head(target, target.expiring.key, target.expiring.versionId);
  return found === undefined ? 'accepted' : 'refused';
}

async function hasSurvived(target: Target) {
  const { key, versionId, lockedUntil } = target.locked;
  const found = await head(target, key, versionId);
  const isLocked =
    found?.ObjectLockMode === 'COMPLIANCE' &&
    (found.ObjectLockRetainUntilDate?.getTime() ?? 0) >= lockedUntil.getTime();
  return isLocked && found.ContentLength === PROBE_CONTENT.length ? 'accepted' : 'refused';
}

async function head({ s3, bucket }: Target, key: string, versionId: string) {
  try {
    return await s3.call('to tell about a probe object', ({ client, sdk, abortSignal }) =>
      client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }), { abortSignal }),
    );
  } catch (error) {
    if (isArchiveError(error, 'not_found')) return undefined;
    throw error;
  }
}

/** Codes that are a refusal. "Not found" is none: what was to be protected is gone then. */
const REFUSALS: readonly ArchiveErrorCode[] = ['denied', 'refused', 'checksum_mismatch', 'exists'];

async function answer(
  target: Target,
  what: string,
  run: (use: S3Use) => Promise<unknown>,
): Promise<'refused' | 'accepted'> {
  try {
    await target.s3.call(what, run);
    return 'accepted';
  } catch (error) {
    if (isArchiveError(error, ...REFUSALS)) return 'refused';
    if (isArchiveError(error, 'not_found')) return 'accepted';
    throw error;
  }
}
