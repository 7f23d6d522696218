import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Archive } from './archive/open-archive.ts';
import { EvidenceError } from './errors.ts';
import { ARCHIVE_FILE, BURN_FILE, LATE_FILE, RECEIPT_FILES } from './format/names.ts';
import { archiveKey } from './put-files.ts';
import { readArchiveRecord } from './read-archive-record.ts';

/** One object of a run, and whether the archive now says that it is held. */
export interface HeldObject {
  readonly name: string;
  readonly version_id: string;
  readonly held: boolean;
}

/**
 * Puts a legal hold on every object of an archived run, or takes it off: held objects stay, whatever their retention says, until the hold is taken
 * off. What the archive says afterwards is read back. Safe to call again. Throws ArchiveError, or EvidenceError (`not_sealed`) without archive.json.
 */
export async function holdRun(
  dir: string,
  archive: Pick<Archive, 'hold'>,
  hold: boolean,
): Promise<readonly HeldObject[]> {
  const held: HeldObject[] = [];
  for (const { name, key, versionId } of await objectsOf(dir)) {
    const { version_id, held: isHeld } = await archive.hold(key, versionId, hold);
    held.push({ name, version_id, held: isHeld });
  }
  return held;
}

interface Target {
  readonly name: string;
  readonly key: string;
  /** Undefined for what was put after archive.json was written: then the latest version. */
  readonly versionId?: string;
}

async function objectsOf(dir: string): Promise<readonly Target[]> {
  const record = await readArchiveRecord(dir);
  if (record === undefined) {
    throw new EvidenceError('not_sealed', {
      expected: `${ARCHIVE_FILE} or ${LATE_FILE} in ${dir}: where the run’s evidence lies in the archive`,
      got: 'neither',
      hint: 'only evidence that was archived can be held there; see `burnbag evidence archive`',
    });
  }
  const { run_id: runId, objects } = record;
  const known = new Set(objects.map(({ name }) => name));
  const later = [ARCHIVE_FILE, LATE_FILE, BURN_FILE, ...Object.values(RECEIPT_FILES)].filter(
    (name) => !known.has(name),
  );
  const present = await Promise.all(
    later.map((name) =>
      readFile(join(dir, name)).then(
        () => [name],
        () => [],
      ),
    ),
  );
  return [
    ...objects.map(({ name, key, version_id: versionId }) => ({ name, key, versionId })),
    ...present.flat().map((name) => ({ name, key: archiveKey(runId, name) })),
  ];
}
