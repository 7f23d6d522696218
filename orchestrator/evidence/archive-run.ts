import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { canonicalJson } from '../../executor/protocol/index.ts';
import type { Archive } from './archive/open-archive.ts';
import type { ArchivedObject } from './archive/put.ts';
import { readIfThere, writeDurably } from './durable.ts';
import { EvidenceError } from './errors.ts';
import { ArchiveRecord, type ArchivedFile } from './format/archive-record.ts';
import type { ArchiveFacts, FileEntry } from './format/manifest.ts';
import { ARCHIVE_FILE, BURN_FILE, RECEIPT_FILES, SEAL_FILES } from './format/names.ts';
import { requireShape } from './format/shape.ts';
import type { ObjectLock } from './format/values.ts';
import type { PublicKey } from './keys/public-key.ts';
import { readCanonical } from './read-canonical.ts';
import { readSeal } from './read-seal.ts';

/** A sealed bundle and where it goes. */
export interface ArchiveRequest {
  readonly dir: string;
  /** Whose seal it must bear. */
  readonly publicKey: PublicKey;
  readonly archive: Archive;
  /** What the probe found. */
  readonly facts: Pick<ArchiveFacts, 'lock' | 'probed_at'>;
  readonly now?: Date;
}

/** Requests under way at once: a store on the same disk gains nothing from more. */
const AT_ONCE = 4;

/**
 * Puts every file of a sealed bundle under lock and writes what the archive answered to archive.json, last of all. Safe to call again:
 * after it broke off, what is there already is not put twice, and its lock is only ever prolonged; once archive.json is written it
 * stays, since a receipt may cover it. Throws ArchiveError.
 */
export async function archiveRun(request: ArchiveRequest): Promise<ArchiveRecord> {
  const { dir, archive, facts, now = new Date() } = request;
  const { manifest, evidenceRoot } = await requireSeal(request);
  const runId = manifest.run.run_id;
  const existing = await readRecord(dir, evidenceRoot);
  if (existing !== undefined) return existing;
  const asked = archive.lockFor(now);
  const files = [...manifest.files, ...(await describeFiles(dir, Object.values(SEAL_FILES)))];
  const objects = await putAll(request, runId, files, asked);
  const record = requireShape(ArchiveRecord, {
    version: 1,
    run_id: runId,
    evidence_root: evidenceRoot,
    endpoint: archive.endpoint,
    bucket: archive.bucket,
    lock: { asked, probe: facts.lock, probed_at: facts.probed_at },
    objects,
    archived_at: now.toISOString(),
  });
  await writeDurably(join(dir, ARCHIVE_FILE), canonicalJson(record));
  return record;
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
  return putAll({ dir, archive }, runId, files, archive.lockFor(now));
}

/** Under which key a file of a run lies in the archive. */
export function archiveKey(runId: string, name: string): string {
  return `runs/${runId}/${name}`;
}

/** The record of an earlier call that came to its end. */
async function readRecord(dir: string, evidenceRoot: string): Promise<ArchiveRecord | undefined> {
  const content = await readIfThere(join(dir, ARCHIVE_FILE));
  const read = content === undefined ? undefined : readCanonical(content, ArchiveRecord);
  return read !== undefined && 'value' in read && read.value.evidence_root === evidenceRoot ? read.value : undefined;
}

async function requireSeal({ dir, publicKey }: ArchiveRequest) {
  const seal = await readSeal(dir, publicKey);
  if (seal !== undefined) return seal;
  throw new EvidenceError('not_sealed', {
    expected: `${dir} to be sealed by key ${publicKey.keyId}`,
    got: 'no seal, or one that does not hold',
    hint: 'seal the run first',
  });
}

async function putAll(
  to: { dir: string; archive: Archive },
  runId: string,
  files: readonly FileEntry[],
  lock: ObjectLock,
): Promise<ArchivedFile[]> {
  const results: ArchivedFile[] = [];
  const waiting = files.entries();
  const putNext = async (): Promise<void> => {
    for (const [index, { name, bytes, sha256 }] of waiting) {
      const source = { file: join(to.dir, name), bytes, sha256 };
      results[index] = { name, ...(await to.archive.put(archiveKey(runId, name), source, lock)) };
    }
  };
  await settle(Array.from({ length: AT_ONCE }, putNext));
  return results;
}

/** Waits for all before it throws the first error, so that nothing goes on behind the caller's back. */
async function settle(running: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(running)) if (result.status === 'rejected') throw result.reason;
}

/** The seal's own files are small; a missing one (a run burned without archive.json) is left out. */
async function describeFiles(dir: string, names: readonly string[]): Promise<FileEntry[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const content = await readIfThere(join(dir, name));
      if (content === undefined) return [];
      return { name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
    }),
  );
  return found.flat();
}
