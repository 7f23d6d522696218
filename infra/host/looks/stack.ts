import { lstat } from 'node:fs/promises';
import { stackPaths, stackTraces } from '../stack-files.ts';
import { found, isAbsence, type LookAt } from './found.ts';

/** Reads the backend's folders. */
export const lookForStack: LookAt = async ({ id }, owner) =>
  found((await stackTraces(owner, id)).length > 0, "files of the stack in the backend's folders");

/** Asks for each file and folder that the backend gives a stack. */
export const lookAtStackFiles: LookAt = async ({ id }, owner) => {
  const paths = stackPaths(owner, id);
  for (const path of paths) {
    try {
      await lstat(path);
      return found(true, 'lstat of its files');
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  }
  return found(false, `lstat of its ${paths.length} files: ENOENT`);
};
