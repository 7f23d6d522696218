import { setTimeout as sleep } from 'node:timers/promises';
import { JournalError } from './journal/index.ts';

/** A database that restarts is back within half a minute; the sandbox can wait that long, shut in as it is. */
const PATIENCE_MS = 45_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** Says it to the journal until the journal has it, as long as what is in the way may pass by itself. `say` must be safe to repeat. */
export async function untilJournalled<T>(say: () => Promise<T>): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await say();
    } catch (error) {
      const mayPass = error instanceof JournalError && error.retryable && performance.now() + pause < until;
      if (!mayPass) throw error;
      await sleep(pause);
    }
  }
}
