import type { PendingOperation } from '../state/codec.ts';
import { messageOf } from '../errors.ts';
import { prune } from './refresh.ts';
import { ProviderFailure } from '../provider/failure.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';
import { isProviderType } from '../values/urn.ts';

/** Why a found object is not taken as it is: the next update brings it to what the program wants. */
const INTERRUPTED = 'its creation was interrupted; found again by its provider';

/** What a look for the objects of interrupted creates came to. */
export interface Recovery {
  readonly adopted: number;
  /** Creates whose lookup found only an object that the state knows already: it may hide the one that was looked for. */
  readonly hidden: readonly State[];
}

/**
 * Looks for the objects of interrupted creates: asks the provider's Read with the URN and the recorded inputs, without an
 * id. What it finds joins the state; what it does not find stays on record, because a provider that cannot look up by URN
 * answers the same way.
 */
export async function recoverPending(run: Run): Promise<Recovery> {
  const found = new Set<PendingOperation>();
  const hidden: State[] = [];
  for (const operation of run.checkpoint.pendingOperations) {
    const { type, resource } = operation;
    if (type !== 'creating' || !resource.custom || isProviderType(resource.type)) continue;
    const state = await lookUp(run, resource);
    if (state === undefined) continue;
    if (run.base.some((known) => known.urn === state.urn && known.id === state.id)) {
      hidden.push(resource);
      continue;
    }
    found.add(operation);
    adopt(run, state);
  }
  if (found.size > 0) {
    run.checkpoint.resolvePending((operation) => found.has(operation));
    run.checkpoint.rebase(run.base);
    await run.checkpoint.flush();
  }
  return { adopted: found.size, hidden };
}

/** Adds a found object to the base; one whose resource has been made anew since is only there to be deleted. */
function adopt(run: Run, state: State): void {
  const alive = new Set(run.base.map(({ urn }) => urn));
  const isSuperseded = run.base.some((known) => known.urn === state.urn && known.delete !== true);
  const adopted = prune(state, alive, new Map());
  run.base = [...run.base, isSuperseded ? { ...adopted, delete: true } : adopted];
  const message = `an interrupted create had made the object ${state.id ?? ''}; it is taken into the state`;
  run.reporter.diagnostic('warning', message, state.urn);
}

/** The first line of the warning is the real engine's. */
export function pendingWarning(pending: readonly PendingOperation[]): string {
  const lines = pending.map(({ resource, type }) => `  * ${resource.urn}, interrupted while ${type}`);
  return [
    `Attempting to deploy or update resources with ${pending.length} pending operations from previous deployment.`,
    ...lines,
  ].join('\n');
}

async function lookUp(run: Run, resource: State): Promise<State | undefined> {
  if (resource.provider === undefined || run.stopped.aborted) return undefined;
  try {
    const provider = await run.providers.get(resource.provider);
    const object = await provider.read(resource.urn, '', resource.inputs, {}, resource.customTimeouts);
    if (object.id === '') return undefined;
    return { ...resource, id: object.id, outputs: object.outputs, initErrors: [INTERRUPTED] };
  } catch (error) {
    const half = error instanceof ProviderFailure ? error.partial : undefined;
    if (half !== undefined)
      return { ...resource, id: half.id, outputs: half.properties, initErrors: [INTERRUPTED, ...half.reasons] };
    run.reporter.diagnostic(
      'warning',
      `could not look for the object of an interrupted create: ${messageOf(error)}`,
      resource.urn,
    );
    return undefined;
  }
}
