import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scan } from '../support/scanner.ts';
import { chainProblem } from '../support/scanner.ts';
import { type CrashPlace, openCrashPlace } from './place.ts';
import { randomFrom } from './random.ts';
import { soak } from './soak.ts';

/** A quarter of an hour of the same, on real machines: `npm run drill:soak`. */
const SECONDS = 30;

let place: CrashPlace;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

test('eight runs at once, stopped, killed and orphaned at random: nothing is left, and each has an outcome', async () => {
  await using home = await place.newHome();
  const script = join(home.home, 'script.sh');
  await writeFile(script, '#!/bin/sh\nid\n');
  const random = randomFrom(Math.floor(Math.random() * 2 ** 32));
  const soaked = await soak({
    home: home.home,
    start: () => home.start({ do: 'cli', argv: ['--json', 'detonate', script] }),
    ...{ seconds: SECONDS, atOnce: 8, patienceMs: 8_000, ownerLivesMs: 6_000, random },
  });
  const told = JSON.stringify({ seed: random.seed, ...soaked, ends: [...soaked.ends] });
  // 75 is "busy": who is let alone is conducted by somebody in the end.
  expect(soaked.ends.get('exit 75') ?? 0, told).toBe(0);
  const recovery = home.start({ do: 'recover' });
  expect((await recovery.ended).code, `${told} ${recovery.output()}`).toBe(0);
  expect(await scan(home.home), told).toEqual([]);
  const { runs } = await recovery.said('dump');
  const unended = runs.filter(
    ({ state, outcome }) => !(state === 'refused' || (state === 'destroyed' && outcome !== undefined)),
  );
  expect(unended, told).toEqual([]);
  expect(
    runs.filter((run) => chainProblem(run) !== undefined),
    told,
  ).toEqual([]);
  const effects = (await home.readLedger()).flatMap((line) =>
    line.what === 'effect' ? [`${line.run_id} ${line.id}`] : [],
  );
  expect(new Set(effects).size, told).toBe(effects.length);
  expect(runs.length, told).toBeGreaterThan(5);
}, 240_000);
