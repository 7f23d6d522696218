import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file so that after a crash at any moment it has either the old or the new content, and after the promise
 * resolves the new one: temporary file in the same folder, fsync, rename, fsync of the folder.
 */
export async function writeDurably(
  path: string,
  text: string,
  options: { readonly keepPrevious?: string } = {},
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (options.keepPrevious !== undefined) await keepAs(path, options.keepPrevious);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Makes the entries of a folder (renames, removals) survive a crash. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The file's text, or undefined if there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** True for the error of a file or folder that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Keeps the present file under a second name without copying: the next rename leaves that name its content. */
async function keepAs(path: string, previous: string): Promise<void> {
  const temporary = temporaryName(previous);
  try {
    await link(path, temporary);
    await rename(temporary, previous);
  } catch (error) {
    await rm(temporary, { force: true });
    if (!isMissing(error)) throw error;
  }
}

function temporaryName(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}.tmp`;
}
