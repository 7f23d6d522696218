import { isReplacement } from '../values/difference.ts';
import { EngineError } from '../errors.ts';
import type { Goal } from '../run/goal.ts';
import { dependentsOf } from './graph.ts';
import type { Diff } from '../values/difference.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';
import type { Step } from '../run/step.ts';
import { step } from '../run/step.ts';
import { isProviderType, parseReference } from '../values/urn.ts';
import type { Json } from '../values/value.ts';
import { UNKNOWN } from '../values/value.ts';

/**
 * Replaces a resource in one of two orders. By default the new one is created first and the old one, marked, goes in the
 * delete phase. With deleteBeforeReplace the old one goes first, and before it, in reverse order, every old resource that
 * would itself have to be replaced because of it.
 */
export async function planReplacement(
  run: Run,
  goal: Goal,
  change: { readonly old: State; readonly next: State; readonly diff: Diff },
): Promise<readonly Step[]> {
  const { old, next, diff } = change;
  if (old.protect === true && next.protect === true) throw protectedError(old.urn);
  run.replaced.add(next.urn);
  if (!(goal.deleteBeforeReplace ?? diff.deleteBeforeReplace)) {
    return [step('create-replacement', { old, next }, { diff, marks: true }), step('replace', { old, next }, { diff })];
  }
  const dependents = (await replacedDependents(run, old)).filter((state) => !run.deletedAhead.has(state)).toReversed();
  for (const state of dependents) {
    if (state.protect === true) throw protectedError(state.urn);
    run.deletedAhead.add(state);
    run.replaced.add(state.urn);
  }
  for (const { urn } of [old, ...dependents]) run.condemned.add(urn);
  const existing = dependents.filter((state) => state.pendingReplacement !== true);
  const [along, before] = [true, false].map((goes) => existing.filter((state) => goesAlong(run, state) === goes));
  const itself = old.pendingReplacement === true ? [] : [step('delete-replaced', { old }, { marks: true, diff })];
  return [
    ...deletions(before),
    ...itself,
    ...deletions(along),
    step('replace', { old, next }, { diff }),
    step('create-replacement', { old, next }, { diff }),
  ];
}

/** Whether a deletion of something else takes it away: it is marked as gone only after that has happened. */
function goesAlong(run: Run, { deletedWith }: State): boolean {
  return deletedWith !== undefined && run.condemned.has(deletedWith);
}

function deletions(states: readonly State[] = []): readonly Step[] {
  return states.map((old) => step('delete-replaced', { old }, { marks: true }));
}

/**
 * The old dependents of a resource that must be replaced with it, in state order: those whose provider or deletedWith goes,
 * and those whose provider says so when the inputs that came from what goes are unknown.
 */
async function replacedDependents(run: Run, root: State): Promise<readonly State[]> {
  const going = new Set<string>([root.urn]);
  const found: State[] = [];
  const live = run.base.filter((state) => state.delete !== true || state === root);
  for (const dependent of dependentsOf(live, new Set([root]))) {
    if (!(await goesWith(run, dependent, going))) continue;
    going.add(dependent.urn);
    found.push(dependent);
  }
  return found;
}

async function goesWith(run: Run, state: State, going: ReadonlySet<string>): Promise<boolean> {
  if (!state.custom || state.external === true || isProviderType(state.type) || state.provider === undefined)
    return false;
  if (going.has(parseReference(state.provider).urn)) return true;
  if (state.deletedWith !== undefined && going.has(state.deletedWith)) return true;
  const affected = Object.keys(state.inputs).filter((key) =>
    (state.propertyDependencies?.[key] ?? []).some((urn) => going.has(urn)),
  );
  if (affected.length === 0) return false;
  const inputs: Record<string, Json> = { ...state.inputs };
  for (const key of affected) inputs[key] = UNKNOWN;
  const provider = await run.providers.get(state.provider);
  return isReplacement(await provider.diff({ ...state, id: state.id ?? '' }, inputs, []));
}

function protectedError(urn: string): EngineError {
  return new EngineError(
    'operation_failed',
    `unable to replace resource "${urn}" as it is currently marked for protection: set protect to false in the program first`,
  );
}
