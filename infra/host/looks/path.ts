import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { found, isAbsence, type LookAt } from './found.ts';

/** Asks for the entry itself. */
export const lookAtPath: LookAt = async ({ id }) => {
  try {
    await lstat(id);
    return found(true, 'lstat');
  } catch (error) {
    if (isAbsence(error)) return found(false, 'lstat: ENOENT');
    throw error;
  }
};

/** Reads the folder it would be in. */
export const lookIntoFolder: LookAt = async ({ id }) => {
  try {
    const names = await readdir(dirname(id));
    return found(names.includes(basename(id)), 'list of its folder');
  } catch (error) {
    if (isAbsence(error)) return found(false, 'its folder is not there');
    throw error;
  }
};

/** Both of them. */
export const LOOKS_BY_PATH = [lookAtPath, lookIntoFolder] as const;
