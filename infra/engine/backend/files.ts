import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
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
  const temporary = temporaryName(path);
  try {
    await inFolder(dirname(path), () => writeNew(temporary, text));
    if (options.keepPrevious !== undefined) await keepAs(path, options.keepPrevious);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Does something in a folder, which is made first if it is not there. */
export async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      // Whoever removes another stack may take away the folder both are in as long as it is empty.
      if (!isMissing(error) || tries > FOLDER_TRIES) throw error;
      await makeFolder(folder);
    }
  }
}

/** Makes the entries of a folder (renames, removals) survive a crash; one that somebody has removed has none. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!isMissing(error)) throw error;
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

/** The names in a folder; none if there is no such folder. */
export async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** True for the error of a file or folder that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** A name beside the file for content that is not whole yet; `isTemporaryOf` knows it again after a crash. */
export function temporaryName(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}.tmp`;
}

/** True for the name of what a killed writer of the file (or of `NAME.bak`, `NAME.lock`) left behind. */
export function isTemporaryOf(name: string, file: string): boolean {
  return name.startsWith(file) && /^(\.bak|\.lock)?\.[0-9a-f]{16}\.tmp$/.test(name.slice(file.length));
}

/** More often than this a folder does not vanish by chance. */
const FOLDER_TRIES = 10;

/** A folder whose own entry, and those of the folders above that were missing, are durable. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  for (let made = folder; first !== undefined; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) return;
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(text);
  await file.sync();
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
