import { FILES_MAX, FileName } from './names.ts';
import { list, object, oneOf, type Read } from './shape.ts';
import { Count, Instant, LockVerdict, ObjectLock, RunId, Sha256, Text } from './values.ts';

/** One object as the archive holds it; `lock` is what the archive itself answered when asked again. */
export const ArchivedFile = object({
  name: FileName,
  bytes: Count,
  sha256: Sha256,
  key: Text,
  version_id: Text,
  lock: ObjectLock,
});
export type ArchivedFile = Read<typeof ArchivedFile>;

/** archive.json: where each file of the bundle lies under Object Lock. */
export const ArchiveRecord = object({
  version: oneOf([1]),
  run_id: RunId,
  evidence_root: Sha256,
  endpoint: Text,
  bucket: Text,
  lock: object({ asked: ObjectLock, probe: LockVerdict, probed_at: Instant }),
  objects: list(ArchivedFile, { max: FILES_MAX + 8 }),
  archived_at: Instant,
});
export type ArchiveRecord = Read<typeof ArchiveRecord>;
