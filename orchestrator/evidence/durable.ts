import { writeFile } from 'node:fs/promises';
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
