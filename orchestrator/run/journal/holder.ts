import type { Run } from '../run.ts';
import { JournalError } from './error.ts';

/** What every change of a run asks in its statement: is it this holder's? What is nobody's is of a journal that one data directory has to itself. */
export function heldBy(parameter: `$${number}`): string {
  return `(runs.holder is null or runs.holder = ${parameter}::text)`;
}

/** Whether a run is another data directory's. */
export function isElsewhere({ holder: itsHolder }: Run, holder: string | null): boolean {
  return itsHolder !== undefined && itsHolder !== holder;
}

/** Throws JournalError `held_elsewhere` for a run of another data directory. */
export function refuseElsewhere(run: Run, holder: string | null): void {
  if (!isElsewhere(run, holder)) return;
  throw new JournalError('held_elsewhere', {
    expected: `run ${run.runId} to be one of this data directory`,
    got: `one of ${run.holder ?? 'another'}`,
    hint: 'a run is conducted, cancelled and burned from the data directory that began it',
  });
}
