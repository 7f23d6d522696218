import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Builds work in a folder beside their product whose name begins so, and move the product into place whole. */
export const WORK_PREFIX = '.build-';

/** Removes what a build left that was killed. Only one set-up at a time works on a data directory, so nobody is using it. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(WORK_PREFIX));
  await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

/** SHA-256 of a file, lowercase hex. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** One digest over the names and contents of source files, whatever checkout they lie in. */
export async function digestOfAll(root: string, paths: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    paths.toSorted().map(async (path) => `${await digestOf(path)}  ${relative(root, path)}`),
  );
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** Files below a folder, or the file itself where it is one; tests and documents make nothing and are left out. */
export async function sourcesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch(() => undefined);
  if (entries === undefined) return [path];
  return entries
    .filter((entry) => !entry.isDirectory() && !/\.(test\.ts|md)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}
