import { deletionLayers } from './deletion-order.ts';
import { executeStep } from './execute.ts';
import { requirementsOf } from './graph.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';
import type { Step } from '../run/step.ts';
import { step } from '../run/step.ts';

/**
 * The delete phase: what is marked for deletion and what the program no longer registers, dependents first. A layer ends
 * before the next begins. Protected resources, and everything they need, stay, and the operation fails for it; so does what
 * a resource needs that failed before. What is spared stays as well.
 */
export async function executeDeletes(run: Run, spared: ReadonlySet<State> = new Set()): Promise<void> {
  const condemned = condemnedSteps(run);
  for (const state of spared) condemned.delete(state);
  for (const state of keepProtected(run, condemned)) condemned.delete(state);
  const failed = run.base.filter((state) => run.failed.has(state.urn));
  for (const state of [...failed, ...requirementsOf(run.base, failed)]) condemned.delete(state);
  for (const { urn } of condemned.keys()) if (!survives(run, urn)) run.condemned.add(urn);
  const kept = new Set<State>();
  for (const layer of deletionLayers(run.base, new Set(condemned.keys()))) {
    if (run.stopped.aborted) return;
    const steps = layer.filter((state) => !kept.has(state)).map((state) => [state, condemned.get(state)] as const);
    await Promise.all(
      steps.map(async ([state, deletion]) => {
        if (deletion === undefined || (await deleteOne(run, deletion))) return;
        for (const needed of requirementsOf(run.base, [state])) kept.add(needed);
      }),
    );
  }
}

/** Whether an object of this URN stays beside the condemned one: an earlier replacement had left that one behind. */
function survives(run: Run, urn: string): boolean {
  return run.registered.has(urn) && !run.replaced.has(urn);
}

/** False if it is still there. */
async function deleteOne(run: Run, deletion: Step): Promise<boolean> {
  return run.working.run(async () => !run.stopped.aborted && (await executeStep(run, deletion)) !== undefined);
}

/** Every old state that goes, with the step that takes it away. */
function condemnedSteps(run: Run): Map<State, Step> {
  const steps = new Map<State, Step>();
  for (const old of run.base) {
    if (old.delete === true) {
      steps.set(old, step(old.external === true ? 'discard-replaced' : 'delete-replaced', { old }));
    } else if (!run.claimed.has(old.urn) && !run.aliased.has(old.urn)) {
      steps.set(
        old,
        step(
          old.pendingReplacement === true ? 'remove-pending-replace' : old.external === true ? 'discard' : 'delete',
          { old },
        ),
      );
    }
  }
  return steps;
}

/** Reports each protected resource and returns all that must stay because of them. */
function keepProtected(run: Run, condemned: ReadonlyMap<State, Step>): ReadonlySet<State> {
  const guarded = [...condemned].filter(([state, deletion]) => state.protect === true && deletion.op === 'delete');
  for (const [state, deletion] of guarded) {
    run.reporter.begun(deletion);
    run.reporter.failed(
      deletion,
      `resource "${state.urn}" cannot be deleted because it is protected: set protect to false in the program first`,
      0,
    );
    run.markFailed();
  }
  const states = guarded.map(([state]) => state);
  return new Set([...states, ...requirementsOf(run.base, states)]);
}
