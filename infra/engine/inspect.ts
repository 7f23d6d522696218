import type { StackFiles } from './backend/layout.ts';
import { projectNames, stackFiles, stackNames } from './backend/layout.ts';
import type { LockOwner } from './backend/lock.ts';
import { readLocks } from './backend/lock.ts';
import { integrityViolations } from './state/integrity.ts';
import type { Deployment } from './state/schema.ts';
import { readStackFile } from './state/stack-file.ts';
import { EngineError, messageOf } from './errors.ts';

/** A stack as its files tell it, whichever engine wrote them. */
export interface InspectedStack {
  readonly project: string;
  readonly stack: string;
  readonly file: string;
  readonly locks: readonly LockOwner[];
  /** Undefined where nothing was ever deployed, or where the file has a problem. Secrets are closed. */
  readonly deployment: Deployment | undefined;
  /** What is wrong with the state file. */
  readonly problem: string | undefined;
}

/** Reads every stack of a file backend (its `.pulumi` folder), by project and name. Takes no lock, writes nothing, needs no passphrase. */
export async function inspectStacks(root: string): Promise<readonly InspectedStack[]> {
  const found: InspectedStack[] = [];
  for (const project of await projectNames(root))
    for (const stack of await stackNames(root, project)) {
      const one = await inspectStack(stackFiles(root, project, stack));
      if (one !== undefined) found.push(one);
    }
  return found;
}

/** Undefined for a stack that went while it was looked at. */
async function inspectStack(files: StackFiles): Promise<InspectedStack | undefined> {
  const known = { project: files.project, stack: files.stack, file: files.state };
  const locks = await readLocks(files.locks);
  try {
    const { latest } = (await readStackFile(files)).checkpoint;
    const violations = latest === undefined ? [] : integrityViolations(latest);
    const problem = violations.length === 0 ? undefined : violations.join('; ');
    return { ...known, locks, deployment: latest, problem };
  } catch (error) {
    if (error instanceof EngineError && error.code === 'stack_not_found') return undefined;
    return { ...known, locks, deployment: undefined, problem: messageOf(error) };
  }
}
