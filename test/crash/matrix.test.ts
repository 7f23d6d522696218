import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAILPOINTS } from '../../orchestrator/run/failpoint.ts';
import type { CellResult } from './cell.ts';
import { CELLS } from './cells.ts';
import { type CrashPlace, openCrashPlace } from './place.ts';
import { play } from './play.ts';
import { playAll } from './play-all.ts';
import { percentile } from './table.ts';

/*
 * The crash matrix: every step of a run × every fault that can strike there, each in processes of its own, on a fake driver whose machines
 * outlive their owner. invariants.ts has what must hold; docs/crash-matrix.md is the table of one whole drill.
 */

/** One cell may have to wait for every one before it. */
const CELL_TIMEOUT_MS = 600_000;
/** One process takes a second to open a data directory; on a machine as busy as this one it may take many. */
const RECOVERY_P95_MS = 5_000;

let place: CrashPlace;
let results: readonly Promise<CellResult>[];
let idleOpeningMs: number;
beforeAll(async () => {
  place = await openCrashPlace();
  results = playAll(place, CELLS);
  idleOpeningMs = await openNothing();
});
afterAll(async () => {
  await Promise.all(results);
  await place[Symbol.asyncDispose]();
}, CELL_TIMEOUT_MS);

test('each step is killed before and after, and everything else is said to fail too', () => {
  for (const step of Object.keys(FAILPOINTS)) {
    const faults = CELLS.filter((cell) => cell.step === step).map(({ fault }) => fault);
    expect(faults).toEqual(expect.arrayContaining(['SIGKILL before', 'SIGKILL after']));
    expect(faults.length, step).toBeGreaterThan(2);
  }
});

describe('nothing is left, nothing is done twice, and no receipt is too early:', () => {
  test.each(CELLS.map((cell, index) => ({ ...cell, index })))(
    '$step · $fault',
    { timeout: CELL_TIMEOUT_MS },
    async ({ index }) => {
      expect((await results[index])?.violations).toEqual([]);
    },
  );
});

test(
  'a fault that never strikes breaks its cell, however often it is played',
  { timeout: CELL_TIMEOUT_MS },
  async () => {
    const never = await play(place, { step: 'boot', fault: 'none', run: {}, mustDie: true });
    expect(never.violations).toEqual([expect.stringContaining('the fault never struck')]);
    expect(never.misses).toHaveLength(3);
  },
);

test('a recovery takes at most five seconds (p95)', { timeout: CELL_TIMEOUT_MS }, async () => {
  const times = (await Promise.all(results))
    .filter(({ fault }) => !fault.includes('never answers'))
    .map(({ recoveryMs }) => recoveryMs);
  // Where the machine is so busy that opening an empty data directory takes seconds, that much is not the recovery's.
  expect(percentile(times, 95)).toBeLessThanOrEqual(Math.max(RECOVERY_P95_MS, 5 * idleOpeningMs));
});

/** How long it takes here and now, with the matrix under way, to open a data directory in which nothing is left. */
async function openNothing(): Promise<number> {
  await using home = await place.newHome();
  return (await home.start({ do: 'recover' }).ended).ms;
}
