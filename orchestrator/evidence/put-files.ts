import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Archive } from './archive/open-archive.ts';
import { readIfThere } from './durable.ts';
import type { ArchivedFile } from './format/archive-record.ts';
import type { FileEntry } from './format/manifest.ts';
import type { ObjectLock } from './format/values.ts';

/** Requests under way at once: a store on the same disk gains nothing from more. */
const AT_ONCE = 4;

/** Puts files of a run's folder under one lock, some at once; what is there already is not put twice. Throws ArchiveError. */
export async function putFiles(
  to: { readonly dir: string; readonly runId: string; readonly archive: Pick<Archive, 'put'> },
  files: readonly FileEntry[],
  lock: ObjectLock,
): Promise<ArchivedFile[]> {
  const results: ArchivedFile[] = [];
  const waiting = files.entries();
  const putNext = async (): Promise<void> => {
    for (const [index, { name, bytes, sha256 }] of waiting) {
      const source = { file: join(to.dir, name), bytes, sha256 };
      results[index] = { name, ...(await to.archive.put(archiveKey(to.runId, name), source, lock)) };
    }
  };
  await settle(Array.from({ length: AT_ONCE }, putNext));
  return results;
}

/** Under which key a file of a run lies in the archive. */
export function archiveKey(runId: string, name: string): string {
  return `runs/${runId}/${name}`;
}

/** The seal's own files are small; a missing one (a run burned without archive.json) is left out. */
export async function describeFiles(dir: string, names: readonly string[]): Promise<FileEntry[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const content = await readIfThere(join(dir, name));
      if (content === undefined) return [];
      return { name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
    }),
  );
  return found.flat();
}

/** Waits for all before it throws the first error, so that nothing goes on behind the caller's back. */
async function settle(running: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(running)) if (result.status === 'rejected') throw result.reason;
}
