import { type Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { byName, FILES_MAX, isFileName } from './format/names.ts';

/** What keeps a folder from being a bundle. */
export interface FolderProblem {
  readonly code: 'bad_name' | 'not_a_plain_file' | 'too_many_files';
  readonly expected: string;
  readonly got: string;
}

/** The names in a bundle's folder, sorted, and the first thing that has no place in one: an odd name, a folder, a link, a second name. */
export async function listFolder(
  dir: string,
): Promise<{ readonly names: readonly string[]; readonly problem?: FolderProblem }> {
  const entries = (await readdir(dir, { withFileTypes: true })).sort((a, b) => byName(a.name, b.name));
  const names = entries.map(({ name }) => name);
  if (entries.length > FILES_MAX) {
    return {
      names,
      problem: { code: 'too_many_files', expected: `at most ${FILES_MAX} files`, got: String(entries.length) },
    };
  }
  for (const entry of entries) {
    const problem = await judgeEntry(dir, entry);
    if (problem !== undefined) return { names, problem };
  }
  return { names };
}

async function judgeEntry(dir: string, entry: Dirent): Promise<FolderProblem | undefined> {
  const shown = JSON.stringify(entry.name);
  if (!isFileName(entry.name)) {
    return { code: 'bad_name', expected: 'file names of 2 to 64 of a-z 0-9 . _ -', got: shown };
  }
  const plain = { code: 'not_a_plain_file', expected: 'plain files with one name each' } as const;
  if (!entry.isFile()) return { ...plain, got: `${shown}, which is a link, a folder or a device` };
  const { nlink } = await lstat(join(dir, entry.name));
  return nlink === 1 ? undefined : { ...plain, got: `${shown}, which has ${nlink} names` };
}
