import { executeDeletes } from '../steps/deletes.ts';
import { requirementsOf } from '../steps/graph.ts';
import { recoverPending } from './recover.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';

/**
 * Brings a stack to nothing: the delete phase with nothing registered. The program is not run. An object of an interrupted
 * create that is hidden behind one the state knows is looked for again once that one is gone; what it needs stays until then.
 */
export async function destroyAll(run: Run): Promise<void> {
  if (run.preview) {
    await executeDeletes(run);
    return;
  }
  let { hidden } = await recoverPending(run);
  await executeDeletes(run, neededBy(run, hidden));
  while (hidden.length > 0 && !run.stopped.aborted) {
    run.base = run.checkpoint.resources;
    const again = await recoverPending(run);
    hidden = again.adopted > 0 ? again.hidden : [];
    await executeDeletes(run, neededBy(run, hidden));
  }
}

function neededBy(run: Run, resources: readonly State[]): ReadonlySet<State> {
  return requirementsOf([...run.base, ...resources], resources);
}
