import type { Node } from './graph.ts';
import { dependenciesOf } from './graph.ts';

/**
 * Puts condemned states into layers to be deleted one after the other, each layer in parallel: dependents first, parents
 * and providers last. Layers are counted from the root (what needs nothing condemned goes last), not from the leaves.
 * `states` is the whole list in state order; the condemned are members of it.
 */
export function deletionLayers<T extends Node>(
  states: readonly T[],
  condemned: ReadonlySet<T>,
): readonly (readonly T[])[] {
  const needs = dependenciesOf(states);
  const depth = new Map<T, number>();
  const layers: T[][] = [];
  for (const state of states) {
    if (!condemned.has(state)) continue;
    let layer = 0;
    for (const target of needs.get(state) ?? []) {
      const below = depth.get(target);
      if (below !== undefined) layer = Math.max(layer, below + 1);
    }
    depth.set(state, layer);
    (layers[layer] ??= []).push(state);
  }
  return layers.reverse();
}
