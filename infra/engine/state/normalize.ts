import type { State } from './schema.ts';
import { parseReference } from '../values/urn.ts';

/** Rewrites references to a URN that a resource had before (its alias) to the URN it has now; without aliases the list itself comes back. */
export function normalizeReferences(states: readonly State[]): readonly State[] {
  const renamed = new Map<string, string>();
  for (const state of states) for (const alias of state.aliases ?? []) renamed.set(alias, state.urn);
  for (const state of states) renamed.delete(state.urn);
  return renamed.size === 0 ? states : states.map((state) => rename(state, renamed));
}

function rename(state: State, renamed: ReadonlyMap<string, string>): State {
  const now = (urn: string): string => renamed.get(urn) ?? urn;
  const next: State = { ...state };
  if (state.parent !== undefined) next.parent = now(state.parent);
  if (state.deletedWith !== undefined) next.deletedWith = now(state.deletedWith);
  if (state.dependencies !== undefined) next.dependencies = state.dependencies.map(now);
  if (state.propertyDependencies !== undefined) {
    const entries = Object.entries(state.propertyDependencies);
    next.propertyDependencies = Object.fromEntries(entries.map(([key, urns]) => [key, urns?.map(now) ?? null]));
  }
  if (state.provider) {
    const { urn, id } = parseReference(state.provider);
    next.provider = `${now(urn)}::${id}`;
  }
  return next;
}
