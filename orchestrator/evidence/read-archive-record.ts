import { join } from 'node:path';
import { readIfThere } from './durable.ts';
import { ArchiveRecord } from './format/archive-record.ts';
import { LateArchiveStatement } from './format/late-archive.ts';
import { ARCHIVE_FILE, LATE_FILE } from './format/names.ts';
import { Envelope, payloadOf } from './keys/dsse.ts';
import { readCanonical } from './read-canonical.ts';

/** Where a bundle's files lie in the archive, by its own word, whether they came there in time or late; undefined where it has none. Nothing is verified. */
export async function readArchiveRecord(dir: string): Promise<ArchiveRecord | undefined> {
  const inTime = readCanonical((await readIfThere(join(dir, ARCHIVE_FILE))) ?? NOTHING, ArchiveRecord);
  if ('value' in inTime) return inTime.value;
  const late = readCanonical((await readIfThere(join(dir, LATE_FILE))) ?? NOTHING, Envelope);
  if ('problem' in late) return undefined;
  const statement = readCanonical(payloadOf(late.value) ?? NOTHING, LateArchiveStatement);
  return 'value' in statement ? statement.value.predicate.record : undefined;
}

const NOTHING = Buffer.alloc(0);
