import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Place, Places } from './places.ts';

const LIMITS = { runs: 2, memoryMiB: 1_000, waiting: 3 };
const never = new AbortController().signal;

/** Asks, and notes who was served in which order. */
function ask(places: Places, served: string[], requester: string, memoryMiB = 100, signal = never) {
  const asked = places.take({ requester, memoryMiB }, signal);
  return asked.then((place) => {
    served.push(requester);
    return place;
  });
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('places', () => {
  test('are as many as there are', async () => {
    const places = new Places(LIMITS);
    const served: string[] = [];
    const all = ['a', 'a', 'a'].map((name) => ask(places, served, name));
    await settled();
    expect([served.length, places.load]).toEqual([2, { runs: 2, memoryMiB: 200, waiting: 1 }]);
    (await all[0])?.giveBack();
    await all[2];
    expect(places.load).toEqual({ runs: 2, memoryMiB: 200, waiting: 0 });
  });

  test('go round among requesters, whoever asked for how many', async () => {
    const places = new Places({ ...LIMITS, runs: 1 });
    const served: string[] = [];
    const held: Place[] = [];
    for (const name of ['greedy', 'greedy', 'greedy', 'greedy', 'modest', 'other'])
      void ask(places, served, name).then((place) => held.push(place));
    await settled();
    while (held.length > 0) {
      held.shift()?.giveBack();
      await settled();
    }
    expect(served).toEqual(['greedy', 'greedy', 'modest', 'other', 'greedy', 'greedy']);
  });

  test('a large one is not overtaken', async () => {
    const places = new Places(LIMITS);
    const served: string[] = [];
    const small = await ask(places, served, 'small', 600);
    const large = ask(places, served, 'large', 900);
    const late = ask(places, served, 'late', 100);
    await settled();
    expect(served).toEqual(['small']);
    small.giveBack();
    await Promise.all([large, late]);
    expect(served).toEqual(['small', 'large', 'late']);
  });

  test('whoever stops waiting lets the others go on', async () => {
    const places = new Places(LIMITS);
    const served: string[] = [];
    const small = await ask(places, served, 'small', 600);
    const stop = new AbortController();
    const large = ask(places, served, 'large', 900, stop.signal);
    const late = ask(places, served, 'late', 100);
    stop.abort(new Error('enough'));
    await expect(large).rejects.toThrow('enough');
    await late;
    small.giveBack();
    expect([served, places.load.waiting]).toEqual([['small', 'late'], 0]);
  });

  test('one that would never fit, and one too many of a requester, are refused', async () => {
    const places = new Places(LIMITS);
    await expect(places.take({ requester: 'a', memoryMiB: 1_001 }, never)).rejects.toMatchObject({ code: 'too_large' });
    for (let n = 0; n < LIMITS.runs + LIMITS.waiting; n += 1) void places.take({ requester: 'a', memoryMiB: 1 }, never);
    await expect(places.take({ requester: 'a', memoryMiB: 1 }, never)).rejects.toMatchObject({ code: 'queue_full' });
    void places.take({ requester: 'b', memoryMiB: 1 }, never);
    expect(places.load).toMatchObject({ runs: 2, waiting: LIMITS.waiting + 1 });
  });

  test('a place given back twice counts once', async () => {
    const places = new Places(LIMITS);
    const place = await places.take({ requester: 'a', memoryMiB: 1 }, never);
    place.giveBack();
    place.giveBack();
    expect(places.load).toEqual({ runs: 0, memoryMiB: 0, waiting: 0 });
  });
});

test('whatever is asked, given back and given up: limits hold, nobody is forgotten, nothing is lost', async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant('ask'),
      requester: fc.constantFrom('a', 'b', 'c'),
      memoryMiB: fc.integer({ min: 1, max: 900 }),
    }),
    fc.record({ do: fc.constantFrom('give', 'stop'), at: fc.nat(20) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const places = new Places({ ...LIMITS, waiting: 100 });
      const held: Place[] = [];
      const asked: { stop: AbortController; done: Promise<unknown> }[] = [];
      for (const one of steps) {
        if ('requester' in one) {
          const stop = new AbortController();
          const done = places.take(one, stop.signal).then(
            (place) => held.push(place),
            () => undefined,
          );
          asked.push({ stop, done });
        } else if (one.do === 'give') held.splice(one.at % (held.length || 1), 1)[0]?.giveBack();
        else asked[one.at % (asked.length || 1)]?.stop.abort(new Error('enough'));
        await settled();
        expect(places.load.runs).toBe(held.length);
        expect(places.load.runs).toBeLessThanOrEqual(LIMITS.runs);
        expect(places.load.memoryMiB).toBeLessThanOrEqual(LIMITS.memoryMiB);
      }
      while (places.load.waiting > 0 || held.length > 0) {
        expect(held.length).toBeGreaterThan(0);
        held.shift()?.giveBack();
        await settled();
      }
      await Promise.all(asked.map(({ done }) => done));
      expect(places.load).toEqual({ runs: 0, memoryMiB: 0, waiting: 0 });
    }),
  );
});
