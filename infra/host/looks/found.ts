import type { ConcreteId } from '../../driver.ts';
import type { Owner } from '../run-folder.ts';

/** What one look at one id found, and by what means. */
export interface Look {
  readonly state: 'present' | 'gone';
  readonly means: string;
}

export type LookAt = (id: ConcreteId, owner: Owner) => Promise<Look>;

/** Puts an answer into the words of a look. */
export function found(present: boolean, means: string): Look {
  return { state: present ? 'present' : 'gone', means };
}

/** Whether an error says that there is no such thing, which is the only one that says so. */
export function isAbsence(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
