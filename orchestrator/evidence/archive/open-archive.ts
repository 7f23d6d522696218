import type { ObjectLock } from '../format/values.ts';
import { requireLockedBucket } from './bucket.ts';
import { type HoldState, setHold } from './hold.ts';
import { probeLock, type ProbeResult } from './probe.ts';
import { putLocked, type ArchivedObject } from './put.ts';
import { openS3, type S3Options } from './s3.ts';
import type { ObjectSource } from './send-object.ts';

/** Which archive, and how long evidence is kept in it. */
export interface ArchiveOptions extends S3Options {
  readonly bucket: string;
  /** COMPLIANCE: nobody can delete it before its time, root included. GOVERNANCE: a rehearsal. */
  readonly mode: ObjectLock['mode'];
  readonly retentionDays: number;
  /** Makes the bucket where it is absent; for an archive of our own only. */
  readonly createBucket?: boolean;
}

/** An archive that is known to have Object Lock. */
export interface Archive extends AsyncDisposable {
  readonly endpoint: string;
  readonly bucket: string;
  readonly mode: ObjectLock['mode'];
  readonly retentionDays: number;
  /** The lock that an object put at `now` gets. One moment per run, so that all its objects are kept equally long. */
  lockFor(now: Date): ObjectLock;
  /** Puts an object under lock, reads the lock back. Idempotent: the same content again is the same object. Throws ArchiveError. */
  readonly put: (key: string, source: ObjectSource, lock: ObjectLock) => Promise<ArchivedObject>;
  /** Sets or clears the legal hold of one version (the latest where none is named) and reads it back. Throws ArchiveError. */
  hold(key: string, versionId: string | undefined, hold: boolean): Promise<HoldState>;
  /** Tries to break the lock of small objects of its own, and says how far it got. */
  probe(): Promise<ProbeResult>;
}

const DAY_MS = 86_400_000;

/** Opens an archive, or throws ArchiveError: unreachable, denied, no bucket, a bucket without Object Lock. */
export async function openArchive(options: ArchiveOptions): Promise<Archive> {
  const { endpoint, bucket, mode, retentionDays, createBucket = false } = options;
  const s3 = await openS3(options);
  try {
    await requireLockedBucket(s3, bucket, createBucket);
  } catch (error) {
    s3.close();
    throw error;
  }
  return {
    endpoint,
    bucket,
    mode,
    retentionDays,
    lockFor: (now) => ({ mode, retain_until: wholeSecond(now.getTime() + retentionDays * DAY_MS) }),
    put: (key, source, lock) => putLocked(s3, { bucket, key, source, lock }),
    hold: (key, versionId, hold) => setHold(s3, { bucket, key, versionId }, hold),
    probe: () => probeLock(s3, bucket),
    [Symbol.asyncDispose]: () => {
      s3.close();
      return Promise.resolve();
    },
  };
}

/** Stores keep retention to the second; rounded up, what is read back is never less than what was asked. */
function wholeSecond(atMs: number): string {
  return new Date(Math.ceil(atMs / 1000) * 1000).toISOString();
}
