import type { Transition } from '../journal/index.ts';

const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * When a quarantined run is tried again without anybody asking. Never given up.
 */
export function nextTry(transitions: readonly Transition[]): Date {
  const failures = transitions.filter(({ to }) => to === 'quarantined');
  const last = failures.at(-1);
  if (last === undefined) return new Date(0);
  return new Date(Date.parse(last.at) + pauseAfter(failures.length));
}

/** Half a minute after the first failure, twice as long after each further one, an hour at most; milliseconds. */
export function pauseAfter(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 30), LONGEST_PAUSE_MS);
}
