import { messageOf } from '../errors.ts';
import { markSecrets, now } from '../steps/apply.ts';
import { ProviderFailure } from '../provider/failure.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';
import type { Op } from '../run/step.ts';
import { step } from '../run/step.ts';
import { isProviderType } from '../values/urn.ts';
import { equal } from '../values/value.ts';

/**
 * Looks at every object and takes over what is there now: one Read each, side by side. What is gone leaves the state, and
 * what pointed to it no longer does. The state is rewritten once, at the end. `counted` says whether the changes found are
 * this operation's own result or only its preparation.
 */
export async function refresh(run: Run, options: { readonly counted: boolean }): Promise<void> {
  const seen = new Map<State, State | undefined>();
  await Promise.all(
    run.base.map((old) =>
      run.working.run(async () => {
        if (!run.stopped.aborted) seen.set(old, await refreshOne(run, old, options.counted));
      }),
    ),
  );
  if (run.stopped.aborted && run.verdict === 'failed' && seen.size < run.base.length) return;
  run.base = rebuild(run.base, seen);
  run.checkpoint.rebase(run.base);
  await run.checkpoint.flush();
}

/** The state as found; undefined if the object is gone; the old state if it could not be read. */
async function refreshOne(run: Run, old: State, counted: boolean): Promise<State | undefined> {
  const refreshing = step('refresh', { old, next: old });
  run.reporter.begun(refreshing);
  try {
    const found = isReadable(old) ? await readAgain(run, old) : old;
    const result: Op = found === undefined ? 'delete' : found === old ? 'same' : 'update';
    const shown = counted ? { ...refreshing, op: result, next: found } : refreshing;
    run.reporter.succeeded(shown, found, counted ? result : 'nothing');
    return found;
  } catch (error) {
    run.reporter.failed(refreshing, messageOf(error), 0);
    run.markFailed();
    return old;
  }
}

function isReadable(old: State): boolean {
  return old.custom && !isProviderType(old.type) && old.pendingReplacement !== true && old.provider !== undefined;
}

async function readAgain(run: Run, old: State): Promise<State | undefined> {
  const provider = await run.providers.get(old.provider ?? '');
  try {
    const object = await provider.read(old.urn, old.id ?? '', old.inputs, old.outputs, old.customTimeouts);
    if (object.id === '') return undefined;
    const healthy: State = { ...old };
    delete healthy.initErrors;
    const found = markSecrets({
      ...healthy,
      id: object.id,
      outputs: object.outputs,
      inputs: object.inputs ?? old.inputs,
    });
    return sameObject(old, found) ? old : { ...found, modified: now() };
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.partial === undefined) throw error;
    const { id, properties, inputs, reasons } = error.partial;
    run.reporter.diagnostic(
      'warning',
      `Refreshed resource is in an unhealthy state:\n  * ${reasons.join('\n  * ')}`,
      old.urn,
    );
    return markSecrets({
      ...old,
      id,
      outputs: properties,
      inputs: inputs ?? old.inputs,
      initErrors: [...reasons],
      modified: now(),
    });
  }
}

function sameObject(old: State, found: State): boolean {
  return (
    old.id === found.id &&
    (old.initErrors ?? []).length === 0 &&
    equal(old.outputs, found.outputs) &&
    equal(old.inputs, found.inputs)
  );
}

/** The base without what is gone: pointers to it are dropped, and its children move up to its parent. */
export function rebuild(base: readonly State[], seen: ReadonlyMap<State, State | undefined>): readonly State[] {
  const kept = base.map((old) => (seen.has(old) ? seen.get(old) : old)).filter((state) => state !== undefined);
  const alive = new Set(kept.map((state) => state.urn));
  const parents = new Map(base.map((state) => [state.urn, state.parent]));
  if (kept.length === base.length) return kept;
  return kept.map((state) => prune(state, alive, parents));
}

/** The state without pointers to what is not alive; its parent becomes the nearest ancestor that is. */
export function prune(
  state: State,
  alive: ReadonlySet<string>,
  parents: ReadonlyMap<string, string | undefined>,
): State {
  const { parent: oldParent, deletedWith, ...rest } = state;
  let parent = oldParent;
  while (parent !== undefined && !alive.has(parent)) parent = parents.get(parent);
  const propertyDependencies = Object.entries(state.propertyDependencies ?? {}).map(
    ([key, urns]) => [key, (urns ?? []).filter((urn) => alive.has(urn))] as const,
  );
  return {
    ...rest,
    ...(parent === undefined ? {} : { parent }),
    ...(deletedWith === undefined || !alive.has(deletedWith) ? {} : { deletedWith }),
    ...(state.dependencies === undefined ? {} : { dependencies: state.dependencies.filter((urn) => alive.has(urn)) }),
    ...(state.propertyDependencies === undefined
      ? {}
      : { propertyDependencies: Object.fromEntries(propertyDependencies) }),
  };
}
