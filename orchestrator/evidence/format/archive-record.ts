import * as z from 'zod';
import { RunId, Sha256 } from '../../../executor/protocol/index.ts';
import { FileEntry } from './manifest.ts';
import { FILES_MAX } from './names.ts';
import { Instant, LockVerdict, ObjectLock, Text } from './values.ts';

/** One object as the archive holds it; `lock` is what the archive itself answered when asked again. */
export const ArchivedFile = FileEntry.extend({ key: Text, version_id: Text, lock: ObjectLock });
export type ArchivedFile = z.infer<typeof ArchivedFile>;

/** archive.json: where each file of the bundle lies under Object Lock. */
export const ArchiveRecord = z.strictObject({
  version: z.literal(1),
  run_id: RunId,
  evidence_root: Sha256,
  endpoint: Text,
  bucket: Text,
  lock: z.strictObject({ asked: ObjectLock, probe: LockVerdict, probed_at: Instant }),
  objects: z.array(ArchivedFile).max(FILES_MAX + 8),
  archived_at: Instant,
});
export type ArchiveRecord = z.infer<typeof ArchiveRecord>;
