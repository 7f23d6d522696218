import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../executor/protocol/canonical.ts';
import { ArchiveRecord } from '../format/archive-record.ts';
import { LateArchiveStatement, lateArchiveStatement } from '../format/late-archive.ts';
import type { FileEntry, Manifest } from '../format/manifest.ts';
import { ARCHIVE_FILE, BURN_FILE, LATE_FILE, RECEIPT_FILES, SEAL_FILES, TIMESTAMP_FILE } from '../format/names.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { readCanonical } from '../read-canonical.ts';
import { CheckFailed, type CheckList } from './check-list.ts';
import { type ControlFiles, fileOf } from './control-files.ts';
import { checkSignature } from './signature-checks.ts';

/**
 * archive.json shows where each file of the bundle lies and how it was locked. That nobody changed or removed it, the receipt says:
 * a bundle without it passes here as "not archived", and fails there unless the receipt was signed without it.
 */
export async function checkArchiveRecord(
  list: CheckList,
  files: ControlFiles,
  manifest: Manifest,
  root: string,
): Promise<ArchiveRecord | undefined> {
  if (!files.has(ARCHIVE_FILE)) {
    list.pass('archive_record', 'no archive.json: the evidence had not been archived when the run was burned');
    return undefined;
  }
  return list.check('archive_record', () => {
    const read = readCanonical(fileOf(files, ARCHIVE_FILE), ArchiveRecord);
    if ('problem' in read)
      throw new CheckFailed(`${ARCHIVE_FILE} to be an archive record in canonical JSON`, read.problem);
    requireRecord(read.value, files, {
      manifest,
      root,
      also: present(files, [...Object.values(SEAL_FILES), TIMESTAMP_FILE]),
    });
    return [read.value, describeRecord(read.value)];
  });
}

/**
 * What came into the archive after the burn is signed with the evidence key, with where it lies. A receipt that knows of an archive record leaves
 * nothing to come late.
 */
export async function checkLateArchive(
  list: CheckList,
  files: ControlFiles,
  { manifest, root, key }: { manifest: Manifest; root: string; key: PublicKey },
): Promise<ArchiveRecord | undefined> {
  if (!files.has(LATE_FILE)) {
    if (files.has(ARCHIVE_FILE)) await list.check('late_archive', () => [undefined, 'nothing: it was archived before']);
    else list.pass('late_archive', `no ${LATE_FILE}: what is here is not known to be archived`);
    return undefined;
  }
  return list.check('late_archive', () => {
    if (files.has(ARCHIVE_FILE)) throw new CheckFailed(`${ARCHIVE_FILE} or ${LATE_FILE}`, 'both');
    const [payload] = checkSignature(files, LATE_FILE, key);
    const read = readCanonical(payload, LateArchiveStatement);
    if ('problem' in read) throw new CheckFailed(`${LATE_FILE} to hold its statement`, read.problem);
    const { record, receipt_sha256: receiptSha256 } = read.value.predicate;
    if (canonicalJson(lateArchiveStatement(read.value.predicate)) !== payload.toString())
      throw new CheckFailed(`${LATE_FILE} to name its own evidence and receipt`, 'others');
    const receipt = digest(fileOf(files, RECEIPT_FILES.statement));
    if (receiptSha256 !== receipt) throw new CheckFailed(`${LATE_FILE} of receipt ${receipt}`, receiptSha256);
    const also = [...Object.values(SEAL_FILES), TIMESTAMP_FILE, BURN_FILE, ...Object.values(RECEIPT_FILES)];
    requireRecord(record, files, { manifest, root, also: present(files, also) });
    return [record, `${describeRecord(record)}; put there ${record.archived_at}, after the burn`];
  });
}

function describeRecord({ objects, bucket, lock: { asked, probe } }: ArchiveRecord): string {
  const what = `${objects.length} objects in ${bucket}, ${asked.mode} until ${asked.retain_until}`;
  return probe === 'rehearsal'
    ? `${what}: a REHEARSAL, whoever may bypass it can delete them`
    : `${what}, archive ${probe}`;
}

interface Expected {
  readonly manifest: Manifest;
  readonly root: string;
  /** Files that the manifest does not list. */
  readonly also: readonly string[];
}

function requireRecord(record: ArchiveRecord, files: ControlFiles, { manifest, root, also }: Expected): void {
  if (record.run_id !== manifest.run.run_id || record.evidence_root !== root) {
    throw new CheckFailed(
      `an archive record of run ${manifest.run.run_id}, evidence root ${root}`,
      `run ${record.run_id}, ${record.evidence_root}`,
    );
  }
  const { asked, probe } = record.lock;
  if (asked.mode === 'GOVERNANCE' && probe === 'strict')
    throw new CheckFailed('a lock in GOVERNANCE mode to be called a rehearsal', probe);
  const archived = new Map(record.objects.map((object) => [object.name, object]));
  const expected = [...manifest.files, ...also.map((name) => describeFile(files, name))];
  if (record.objects.length !== expected.length)
    throw new CheckFailed(`${expected.length} objects`, String(record.objects.length));
  for (const { name, bytes, sha256 } of expected) {
    const object = archived.get(name);
    if (object?.sha256 !== sha256 || object.bytes !== bytes)
      throw new CheckFailed(`${name} in the archive as it is here`, object?.sha256 ?? 'no object');
    const { mode, retain_until } = asked;
    if (object.lock.mode !== mode || object.lock.retain_until < retain_until) {
      throw new CheckFailed(
        `${name} locked ${mode} until ${retain_until}`,
        `${object.lock.mode} until ${object.lock.retain_until}`,
      );
    }
  }
}

function present(files: ControlFiles, names: readonly string[]): readonly string[] {
  return names.filter((name) => files.has(name));
}

function describeFile(files: ControlFiles, name: string): FileEntry {
  const content = fileOf(files, name);
  return { name, bytes: content.length, sha256: digest(content) };
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
