import { realpath, rm, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { DriverError } from '../error.ts';
import { isOfRun, type RunFolder } from './run-folder.ts';

/** Unlinks one file of a run and says how. Refuses what is not in the run's folder, and what a link would lead to. */
export async function unlinkOwn(folder: RunFolder, path: string): Promise<string> {
  return deleteOwn(folder, path, async () => {
    await unlink(path);
    return 'unlink';
  });
}

/** Removes the run's folder, or one in it, and says how. A link in its place is removed, and what it leads to is not. */
export async function removeFolder(folder: RunFolder, path: string): Promise<string> {
  return deleteOwn(folder, path, async () => {
    await rm(path, { recursive: true, force: true });
    return 'rm -r';
  });
}

async function deleteOwn(folder: RunFolder, path: string, deletion: () => Promise<string>): Promise<string> {
  if (!isOfRun(folder, path)) throw notOfRun(`run ${folder.runId}`, path);
  try {
    if (await leadsElsewhere(folder, dirname(path))) throw notOfRun(`run ${folder.runId}`, path);
    return await deletion();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'already gone';
    throw error;
  }
}

/** A link in place of a run's folder would lead to somebody else's files. */
async function leadsElsewhere({ home }: RunFolder, folder: string): Promise<boolean> {
  return (await realpath(folder)) !== join(await realpath(home), relative(home, folder));
}

/** The manifest of ids names what the run never had. */
export function notOfRun(whose: string, got: string): DriverError {
  return new DriverError('not_ours', {
    expected: `something of ${whose}`,
    got,
    hint: 'the manifest names what this run never had; it was left untouched',
  });
}
