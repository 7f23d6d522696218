import { join } from 'node:path';
import { canonicalJson } from '../../executor/protocol/index.ts';
import type { Archive } from './archive/open-archive.ts';
import type { ArchivedObject } from './archive/put.ts';
import { readIfThere, writeDurably } from './durable.ts';
import { ArchiveRecord, type ArchivedFile } from './format/archive-record.ts';
import type { ArchiveFacts } from './format/manifest.ts';
import { ARCHIVE_FILE, BURN_FILE, RECEIPT_FILES, SEAL_FILES, TIMESTAMP_FILE } from './format/names.ts';
import { requireShape } from './format/shape.ts';
import type { ObjectLock } from './format/values.ts';
import type { PublicKey } from './keys/public-key.ts';
import { describeFiles, putFiles } from './put-files.ts';
import { readCanonical } from './read-canonical.ts';
import { requireSeal, type Seal } from './read-seal.ts';

/** A sealed bundle and where it goes. */
export interface ArchiveRequest {
  readonly dir: string;
  /** Whose seal it must bear. */
  readonly publicKey: PublicKey;
  readonly archive: Archive;
  /** What the probe found. */
  readonly facts: Pick<ArchiveFacts, 'lock' | 'probed_at'>;
  readonly now?: Date;
  /** Aborted, no record is written any more: a receipt may have been signed without it. */
  readonly signal?: AbortSignal;
}

/**
 * Puts every file of a sealed bundle under lock and writes what the archive answered to archive.json, last of all. Safe to call again:
 * after it broke off, what is there already is not put twice, and its lock is only ever prolonged; once archive.json is written it
 * stays, since a receipt may cover it. Throws ArchiveError.
 */
export async function archiveRun(request: ArchiveRequest): Promise<ArchiveRecord> {
  const { dir, publicKey } = request;
  const seal = await requireSeal(dir, publicKey);
  const existing = await readRecord(dir, seal.evidenceRoot);
  if (existing !== undefined) return existing;
  const record = await archiveFiles(request, seal, [...Object.values(SEAL_FILES), TIMESTAMP_FILE]);
  request.signal?.throwIfAborted();
  await writeDurably(join(dir, ARCHIVE_FILE), canonicalJson(record));
  return record;
}

/** Puts the files of the manifest and those that are named under lock, and says where they lie. */
export async function archiveFiles(
  { dir, archive, facts, now = new Date() }: Omit<ArchiveRequest, 'publicKey'>,
  { manifest, evidenceRoot }: Seal,
  names: readonly string[],
): Promise<ArchiveRecord> {
  const runId = manifest.run.run_id;
  const asked = archive.lockFor(now);
  const files = [...manifest.files, ...(await describeFiles(dir, names))];
  const objects = await putFiles({ dir, runId, archive }, files, asked);
  return describeRecord({ runId, evidenceRoot, archive, facts, asked, objects, now });
}

/** Puts the receipt under lock too, with what it covers: archive.json and the log of the destruction. What is returned is for the journal: no receipt can hold it. */
export async function archiveReceipt(request: {
  dir: string;
  runId: string;
  archive: Archive;
  now?: Date;
}): Promise<readonly ArchivedObject[]> {
  const { dir, runId, archive, now = new Date() } = request;
  const files = await describeFiles(dir, [ARCHIVE_FILE, BURN_FILE, ...Object.values(RECEIPT_FILES)]);
  return putFiles({ dir, runId, archive }, files, archive.lockFor(now));
}

function describeRecord(what: {
  readonly runId: string;
  readonly evidenceRoot: string;
  readonly archive: Archive;
  readonly facts: ArchiveRequest['facts'];
  readonly asked: ObjectLock;
  readonly objects: readonly ArchivedFile[];
  readonly now: Date;
}): ArchiveRecord {
  const { archive, facts } = what;
  return requireShape(ArchiveRecord, {
    version: 1,
    run_id: what.runId,
    evidence_root: what.evidenceRoot,
    endpoint: archive.endpoint,
    bucket: archive.bucket,
    lock: { asked: what.asked, probe: facts.lock, probed_at: facts.probed_at },
    objects: what.objects,
    archived_at: what.now.toISOString(),
  });
}

/** The record of an earlier call that came to its end. */
async function readRecord(dir: string, evidenceRoot: string): Promise<ArchiveRecord | undefined> {
  const content = await readIfThere(join(dir, ARCHIVE_FILE));
  const read = content === undefined ? undefined : readCanonical(content, ArchiveRecord);
  return read !== undefined && 'value' in read && read.value.evidence_root === evidenceRoot ? read.value : undefined;
}
