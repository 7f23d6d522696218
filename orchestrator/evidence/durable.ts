import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EvidenceError } from './errors.ts';

/** Writes a file of a bundle and waits until it is on disk. */
export async function writeDurably(file: string, content: string | Buffer): Promise<void> {
  try {
    await writeFile(file, content, { mode: 0o600, flush: true });
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new EvidenceError(
      'bundle_unwritable',
      { expected: `to write ${file}`, got, hint: 'check the folder’s owner and free space, then seal again' },
      { cause },
    );
  }
}

/** Writes a file beside the folder and renames it into it: a bundle never holds half of it. */
export async function writeWhole(dir: string, name: string, content: string | Buffer): Promise<void> {
  const temporary = `${dir}.${name}.tmp`;
  try {
    await writeDurably(temporary, content);
    await rename(temporary, join(dir, name));
    await syncFolder(dir);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Waits until the names in a folder are on disk. */
export async function syncFolder(dir: string): Promise<void> {
  await using handle = await open(dir);
  await handle.sync();
}

/** A small file's content; undefined where there is none. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** SHA-256 of a small file, in hex; null where there is none. */
export async function digestIfThere(file: string): Promise<string | null> {
  const content = await readIfThere(file);
  return content === undefined ? null : createHash('sha256').update(content).digest('hex');
}
