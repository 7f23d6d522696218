import type { Look } from '../observe.ts';

/** Puts an answer into the words of a look. */
export function found(present: boolean, means: string): Look {
  return { state: present ? 'present' : 'gone', means };
}

/** Whether an error says that there is no such thing, which is the only one that says so. */
export function isAbsence(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
