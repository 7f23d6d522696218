import type { Transition } from '../journal/index.ts';

const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * When a quarantined run is tried again without anybody asking: half a minute after the first failure, twice as long after each further one,
 * an hour at most. Never given up.
 */
export function nextTry(transitions: readonly Transition[]): Date {
  const failures = transitions.filter(({ to }) => to === 'quarantined');
  const last = failures.at(-1);
  if (last === undefined) return new Date(0);
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures.length - 1, 30), LONGEST_PAUSE_MS);
  return new Date(Date.parse(last.at) + pause);
}
