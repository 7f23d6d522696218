import type { StoredResource } from '../state/schema.ts';
import { parseReference } from '../values/urn.ts';

export type Node = Pick<
  StoredResource,
  'urn' | 'custom' | 'parent' | 'dependencies' | 'propertyDependencies' | 'deletedWith' | 'provider'
>;

/** All URNs a resource points to, whatever the reason; the same URN may come twice. */
export function edgesOf(node: Node): readonly string[] {
  const edges = [
    ...(node.dependencies ?? []),
    ...Object.values(node.propertyDependencies ?? {}).flatMap((urns) => urns ?? []),
  ];
  if (node.parent) edges.push(node.parent);
  if (node.deletedWith) edges.push(node.deletedWith);
  if (node.provider) edges.push(parseReference(node.provider).urn);
  return edges;
}

/**
 * For each state, the earlier states it needs. The list must be in state order (everything stands after what it needs).
 * To need a component is to need its earlier descendants too.
 */
export function dependenciesOf<T extends Node>(states: readonly T[]): ReadonlyMap<T, ReadonlySet<T>> {
  const earlier = new Map<string, T[]>();
  const children = new Map<string, T[]>();
  const result = new Map<T, Set<T>>();
  for (const state of states) {
    const needed = new Set<T>();
    for (const urn of new Set(edgesOf(state))) {
      for (const target of earlier.get(urn) ?? []) {
        needed.add(target);
        if (!target.custom && urn !== state.parent) addDescendants(urn, children, needed);
      }
    }
    result.set(state, needed);
    append(earlier, state.urn, state);
    if (state.parent) append(children, state.parent, state);
  }
  return result;
}

/** The states that need any of the given ones, directly or not, in state order. */
export function dependentsOf<T extends Node>(states: readonly T[], roots: ReadonlySet<T>): readonly T[] {
  const needs = dependenciesOf(states);
  const reached = new Set<T>(roots);
  const found: T[] = [];
  for (const state of states) {
    if (reached.has(state)) continue;
    if ([...(needs.get(state) ?? [])].some((target) => reached.has(target))) {
      reached.add(state);
      found.push(state);
    }
  }
  return found;
}

/** The states that any of the given ones need, directly or not. */
export function requirementsOf<T extends Node>(states: readonly T[], roots: Iterable<T>): ReadonlySet<T> {
  const needs = dependenciesOf(states);
  const reached = new Set<T>();
  const open = [...roots];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const target of needs.get(state) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      open.push(target);
    }
  }
  return reached;
}

function addDescendants<T extends Node>(urn: string, children: ReadonlyMap<string, readonly T[]>, into: Set<T>): void {
  for (const child of children.get(urn) ?? []) {
    into.add(child);
    addDescendants(child.urn, children, into);
  }
}

function append<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list) list.push(item);
  else map.set(key, [item]);
}
