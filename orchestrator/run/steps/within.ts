import { setTimeout as sleep } from 'node:timers/promises';
import { RequestError } from '../../errors.ts';
import type { LiveRun } from '../live.ts';

/** Waited for three times at most, and well within the half minute in which everything of a crashed run must be gone. */
const TAKEN_UP_LIMIT_MS = 5_000;

/** Work that is not waited for leaves no trace after `signal` aborts. */
type Work<T> = (signal: AbortSignal) => Promise<T>;

/** A sandbox that a crash left is to be gone soon, and the next one waits for that: who does not answer is not waited for. No limit for others. */
export function limitOf(live: LiveRun): number | undefined {
  return live.request === undefined ? TAKEN_UP_LIMIT_MS : undefined;
}

/** The same for work that knows no limit of its own. */
export function bounded<T>(live: LiveRun, what: string, work: Work<T>): Promise<T> {
  const given = new AbortController();
  const limitMs = limitOf(live);
  return limitMs === undefined ? work(given.signal) : within(limitMs, what, { work, given });
}

/** Waits so long and no longer. What was begun ends in its own time, and nobody hears of it. */
async function within<T>(
  limitMs: number,
  what: string,
  { work: begin, given }: { work: Work<T>; given: AbortController },
): Promise<T> {
  const over = new AbortController();
  const late = sleep(limitMs, undefined, { signal: over.signal }).then(() => {
    given.abort();
    const got = `nothing within ${limitMs / 1000} s`;
    throw new RequestError('too_slow', { expected: what, got, hint: 'look at what is slow, then try again' });
  });
  // Whichever loses is nobody's business any more.
  const work = begin(given.signal);
  late.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
