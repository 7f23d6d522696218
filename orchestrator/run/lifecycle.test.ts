import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canMove, isTerminal, LIFECYCLE, type RunState } from './lifecycle.ts';

const STATES = Object.keys(LIFECYCLE) as RunState[];

/** Longer than the longest way without the loop between `destroying` and `quarantined`. */
const WALK_MAX = 40;

/** A random walk through the table, starting where every run starts, until it ends or has gone round long enough. */
const walk = fc.array(fc.nat(), { minLength: WALK_MAX, maxLength: WALK_MAX }).map((picks) => {
  const path: RunState[] = ['requested'];
  for (const pick of picks) {
    const options = nextOf(path.at(-1) ?? 'requested');
    const next = options[pick % Math.max(options.length, 1)];
    if (next === undefined) break;
    path.push(next);
  }
  return path;
});

function nextOf(state: RunState): readonly RunState[] {
  return LIFECYCLE[state];
}

/** Every state that can be reached from one, itself included. */
function reachableFrom(start: RunState): ReadonlySet<RunState> {
  const seen = new Set<RunState>([start]);
  for (const state of seen) nextOf(state).forEach((next) => seen.add(next));
  return seen;
}

test('promise 1: a run that reached provisioning passes through destroying before it ends', () => {
  fc.assert(
    fc.property(walk, (path) => {
      const provisioned = path.indexOf('provisioning');
      const ended = path.findIndex(isTerminal);
      return provisioned === -1 || ended === -1 || path.slice(provisioned, ended).includes('destroying');
    }),
  );
});

test('promise 1, by the table: with destroying taken away, nothing after provisioning can end', () => {
  const seen = new Set<RunState>(['provisioning']);
  for (const state of seen) nextOf(state).forEach((next) => next !== 'destroying' && seen.add(next));
  expect([...seen].filter(isTerminal)).toEqual([]);
});

test('promise 2: destroyed is entered only from destroying', () => {
  expect(STATES.filter((from) => canMove(from, 'destroyed'))).toEqual(['destroying']);
});

test.each(STATES)('promise 3: from %s some end can be reached', (state) => {
  expect([...reachableFrom(state)].some(isTerminal)).toBe(true);
});

test('promise 4: no path enters executing twice', () => {
  fc.assert(fc.property(walk, (path) => path.filter((state) => state === 'executing').length <= 1));
});

test('promise 4, by the table: executing cannot be reached from what follows it', () => {
  expect(nextOf('executing').filter((next) => reachableFrom(next).has('executing'))).toEqual([]);
});

test('the ends are destroyed and refused, and refused is entered only where nothing has been spent', () => {
  expect(STATES.filter(isTerminal)).toEqual(['destroyed', 'refused']);
  const sources = STATES.filter((from) => canMove(from, 'refused'));
  expect(sources.filter((from) => reachableFrom('provisioning').has(from))).toEqual([]);
});

test('every state can be reached from requested, and every move leads to a state', () => {
  expect([...reachableFrom('requested')].sort()).toEqual([...STATES].sort());
  expect(STATES.flatMap(nextOf).filter((next) => !STATES.includes(next))).toEqual([]);
});

test('quarantined is never an end: its one way on is back to destroying', () => {
  expect(nextOf('quarantined')).toEqual(['destroying']);
});
