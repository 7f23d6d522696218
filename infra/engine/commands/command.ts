import type { LockFiles } from '../backend/lock.ts';
import { acquireLock } from '../backend/lock.ts';
import type { Invocation } from './arguments.ts';
import type { Workspace } from './workspace.ts';

/** What a command that is no deployment works on. */
export interface CommandContext {
  readonly workspace: Workspace;
  readonly invocation: Invocation;
  readonly stack: string;
  /** Called with the text of each state file once it is on disk. */
  readonly onCheckpoint: ((text: string) => void) | undefined;
}

/** What it wrote. */
export interface Written {
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Does something under the stack's lock. That a dead process's lock was taken over is said before anything else. */
export async function underLock(files: LockFiles, work: () => Promise<Written>): Promise<Written> {
  const lock = await acquireLock(files);
  try {
    const written = await work();
    const warnings = lock.takenOver.map((text) => `warning: ${text}\n`).join('');
    return { ...written, stderr: warnings + (written.stderr ?? '') };
  } finally {
    await lock.release();
  }
}

/** A value as commands print it. */
export function jsonLine(value: unknown, indent = 2): string {
  return `${JSON.stringify(value, undefined, indent)}\n`;
}
