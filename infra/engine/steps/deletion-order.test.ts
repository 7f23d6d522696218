import fc from 'fast-check';
import { expect, it } from 'vitest';
import { deletionLayers } from './deletion-order.ts';
import type { Node } from './graph.ts';
import { dependenciesOf } from './graph.ts';

const urn = (name: string, type = 'bag:index:Box'): string => `urn:pulumi:dev::bb::${type}::${name}`;
const STACK = { urn: urn('stack', 'pulumi:pulumi:Stack'), custom: false };
const P = { urn: urn('p', 'pulumi:providers:bag'), custom: true, parent: STACK.urn };
const provider = `${P.urn}::1`;
const C = { urn: urn('c', 'bag:index:Room'), custom: false, parent: STACK.urn };
const A = { urn: urn('a'), custom: true, parent: C.urn, provider };
const B = { urn: urn('b'), custom: true, parent: C.urn, provider, dependencies: [A.urn] };
const D = { urn: urn('d'), custom: true, parent: C.urn, provider, dependencies: [A.urn] };
const E = { urn: urn('e'), custom: true, parent: STACK.urn, provider };

const namesOf = (layers: readonly (readonly Node[])[]): string[][] =>
  layers.map((layer) => layer.map((node) => node.urn.split('::').at(-1) ?? ''));

it('deletes the worked example in its four layers', () => {
  const states = [STACK, P, C, A, B, D];
  expect(namesOf(deletionLayers(states, new Set(states)))).toEqual([['b', 'd'], ['a'], ['p', 'c'], ['stack']]);
});

it('counts layers from the root: an independent leaf waits with the component', () => {
  const states = [STACK, P, C, A, B, { ...E, provider: '' }];
  expect(namesOf(deletionLayers(states, new Set<Node>(states)))).toEqual([['b'], ['a'], ['p', 'c', 'e'], ['stack']]);
});

it('orders only what is condemned', () => {
  expect(namesOf(deletionLayers([STACK, P, C, A, B, D], new Set([A, D])))).toEqual([['d'], ['a']]);
});

it('deletes both states of one URN, and their dependents before them', () => {
  const old = { ...A, delete: true };
  const states = [STACK, P, C, A, old, B];
  expect(namesOf(deletionLayers(states, new Set<Node>([A, old, B])))).toEqual([['b'], ['a', 'a']]);
});

it('to need a component is to need its earlier children', () => {
  const needy = { ...E, urn: urn('needy'), dependencies: [C.urn] };
  expect(namesOf(deletionLayers([STACK, P, C, A, needy], new Set<Node>([A, needy])))).toEqual([['needy'], ['a']]);
});

/** Graphs in state order: each node may depend on, be a child of, or go with earlier ones. */
export const graphs = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(), { maxLength: 3 }),
      parent: fc.option(fc.nat()),
      with: fc.option(fc.nat()),
      custom: fc.boolean(),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((specs) =>
    specs.map(({ needs, parent, with: goesWith, custom }, at): Node => {
      const pick = (index: number): string => urn(`n${index % at}`);
      if (at === 0) return { urn: urn('n0'), custom };
      return {
        urn: urn(`n${at}`),
        custom,
        dependencies: needs.map(pick),
        ...(parent === null ? {} : { parent: pick(parent) }),
        ...(goesWith === null ? {} : { deletedWith: pick(goesWith) }),
      };
    }),
  );

it('property: every condemned state stands in exactly one layer, before all it needs', () => {
  fc.assert(
    fc.property(graphs, fc.infiniteStream(fc.boolean()), (states, choices) => {
      const condemned = new Set(states.filter(() => choices.next().value === true));
      const layers = deletionLayers(states, condemned);
      const place = new Map(layers.flatMap((layer, at) => layer.map((state) => [state, at] as const)));
      expect([...place.keys()].length).toBe(condemned.size);
      expect(layers.flat()).toHaveLength(condemned.size);
      for (const [state, needed] of dependenciesOf(states)) {
        for (const target of needed) {
          const [before, after] = [place.get(state), place.get(target)];
          if (before !== undefined && after !== undefined) expect(before).toBeLessThan(after);
        }
      }
    }),
  );
});
