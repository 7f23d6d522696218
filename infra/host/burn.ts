import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '../error.ts';

/** Waits for a destroy through Pulumi so long and no longer: one that is late is stuck, and the manifest of ids is the better way. */
export async function withinLimit<T>(limitMs: number, work: Promise<T>): Promise<T | 'late'> {
  const timer = new AbortController();
  const late = sleep(limitMs, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

/** Every step of a burn is tried; this is what could not be done, all of it. `whose` names what was to be deleted. */
export function notDeleted(whose: string, errors: readonly unknown[]): DriverError {
  const got = errors.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
  return new DriverError(
    'not_deleted',
    { expected: `everything of ${whose} to be deleted`, got, hint: 'mend what is in the way and burn the run again' },
    { cause: new AggregateError(errors) },
  );
}
