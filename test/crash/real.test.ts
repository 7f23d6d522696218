import { afterAll, beforeAll, expect, test } from 'vitest';
import { play } from './play.ts';
import { CELLS, REAL_CELLS } from './cells.ts';
import { type CrashPlace, openCrashPlace } from './place.ts';

/*
 * A few cells of the matrix on real machines; `npm run drill:crash -- --minutes N` plays all of them. (A killed orchestrator in the middle of
 * a script is in test/end-to-end/interrupted.test.ts.)
 */

const SAMPLE: readonly string[] = [
  'process_spawned · SIGKILL after',
  'boot · SIGKILL after',
  'action_sent · QEMU is killed',
  'disk_gone · SIGKILL before',
  // In the drill such an owner sleeps for a minute.
  'disk · SIGSTOP before, another comes and takes the data directory, SIGCONT',
];
const cells = [...REAL_CELLS, ...CELLS.map((cell) => ({ ...cell, driver: 'local' as const }))];

let place: CrashPlace;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

test.each(SAMPLE)('on a real machine: %s', { timeout: 300_000 }, async (name) => {
  const cell = cells.find(({ step, fault }) => `${step} · ${fault}` === name);
  expect(cell).toBeDefined();
  if (cell === undefined) return;
  const { violations, outcome } = await play(place, cell);
  expect(violations).toEqual([]);
  expect(outcome).toMatch(/^destroyed, /);
});
