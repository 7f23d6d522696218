import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere } from './durable.ts';
import { Manifest } from './format/manifest.ts';
import { ARCHIVE_FILE, LATE_FILE, RECEIPT_FILES, SEAL_FILES } from './format/names.ts';
import type { LockVerdict } from './format/values.ts';
import { readArchiveRecord } from './read-archive-record.ts';
import { readCanonical } from './read-canonical.ts';

/** One run's folder at a glance. Nothing is verified: that is `burnbag verify`. */
export interface ListedBundle {
  readonly run_id: string;
  readonly files: number;
  readonly bytes: number;
  readonly sealed_at: string | null;
  /** Burned while its manifest could not be signed: it is sealed late. */
  readonly unsealed: boolean;
  readonly completeness: string | null;
  readonly archived: boolean;
  /** How the archive locked it; null where nothing is archived. */
  readonly lock: LockVerdict | null;
  readonly burned: boolean;
}

/** The bundles below a folder, those sealed last first. */
export async function listBundles(runs: string): Promise<readonly ListedBundle[]> {
  const names = await readdir(runs).catch(() => []);
  const found = await Promise.all(
    names.filter((name) => /^[0-9a-f]{12}$/.test(name)).map((name) => listOne(runs, name)),
  );
  return found.sort((a, b) => (b.sealed_at ?? '~').localeCompare(a.sealed_at ?? '~', 'en'));
}

async function listOne(runs: string, runId: string): Promise<ListedBundle> {
  const dir = join(runs, runId);
  const names = await readdir(dir);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(dir, name))).size));
  const content = await readIfThere(join(dir, SEAL_FILES.manifest));
  const read = content === undefined ? undefined : readCanonical(content, Manifest);
  const manifest = read !== undefined && 'value' in read ? read.value : undefined;
  return {
    run_id: runId,
    files: names.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    sealed_at: names.includes(SEAL_FILES.envelope) ? (manifest?.sealed_at ?? null) : null,
    unsealed: manifest !== undefined && !names.includes(SEAL_FILES.envelope) && names.includes(RECEIPT_FILES.envelope),
    completeness: manifest?.verdict ?? null,
    archived: names.includes(ARCHIVE_FILE) || names.includes(LATE_FILE),
    lock: (await readArchiveRecord(dir))?.lock.probe ?? null,
    burned: names.includes(RECEIPT_FILES.envelope),
  };
}
