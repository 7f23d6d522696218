import { ArchiveRecord } from '../format/archive-record.ts';
import type { Manifest } from '../format/manifest.ts';
import { ARCHIVE_FILE, SEAL_FILES } from '../format/names.ts';
import { readCanonical } from '../read-canonical.ts';
import { CheckFailed, type CheckList } from './check-list.ts';
import { type ControlFiles, fileOf } from './control-files.ts';
import { createHash } from 'node:crypto';

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
    const record = compare(files, manifest, root);
    const { asked, probe } = record.lock;
    return [
      record,
      `${record.objects.length} objects in ${record.bucket}, ${asked.mode} until ${asked.retain_until}, archive ${probe}`,
    ];
  });
}

function compare(files: ControlFiles, manifest: Manifest, root: string): ArchiveRecord {
  const read = readCanonical(fileOf(files, ARCHIVE_FILE), ArchiveRecord);
  if ('problem' in read)
    throw new CheckFailed(`${ARCHIVE_FILE} to be an archive record in canonical JSON`, read.problem);
  const record = read.value;
  if (record.run_id !== manifest.run.run_id || record.evidence_root !== root) {
    throw new CheckFailed(
      `${ARCHIVE_FILE} of run ${manifest.run.run_id}, evidence root ${root}`,
      `run ${record.run_id}, ${record.evidence_root}`,
    );
  }
  const archived = new Map(record.objects.map((object) => [object.name, object]));
  const expected = expectedObjects(files, manifest);
  if (record.objects.length !== expected.length)
    throw new CheckFailed(`${expected.length} objects`, String(record.objects.length));
  for (const { name, bytes, sha256 } of expected) {
    const object = archived.get(name);
    if (object?.sha256 !== sha256 || object.bytes !== bytes)
      throw new CheckFailed(`${name} in the archive as it is here`, object?.sha256 ?? 'no object');
    const { mode, retain_until } = record.lock.asked;
    if (object.lock.mode !== mode || object.lock.retain_until < retain_until) {
      throw new CheckFailed(
        `${name} locked ${mode} until ${retain_until}`,
        `${object.lock.mode} until ${object.lock.retain_until}`,
      );
    }
  }
  return record;
}

function expectedObjects(
  files: ControlFiles,
  manifest: Manifest,
): readonly { name: string; bytes: number; sha256: string }[] {
  const sealed = Object.values(SEAL_FILES).map((name) => {
    const content = fileOf(files, name);
    return { name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  });
  return [...manifest.files, ...sealed];
}
