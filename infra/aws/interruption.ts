import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '../error.ts';
import type { Seen } from './inventory/kind.ts';
import { machinesOf } from './inventory/look.ts';
import type { Parts } from './parts.ts';

/** EC2's own reasons for an end that nobody of ours asked for (StateReason, EC2 API reference): capacity wanted back, or a host that failed. */
const REASONS =
  /\bServer\.(SpotInstanceTermination|SpotInstanceShutdown|InsufficientInstanceCapacity|InternalError|ScheduledStop)\b/;
/** Whatever the reason is, its code begins so. */
const REASON = /\b(Client|Server)\.[A-Za-z]/;
const ENDED = /^(shutting-down|stopping|stopped|terminated)\b/;

/**
 * Why EC2 took the machine of a run away, in its words; undefined where it did not. Asked right after the machine fell silent, EC2 may not show
 * it, show it running still, or not say why it ended: then it is asked again, for `endedMs` at most. Rejects where it could not be asked.
 */
export async function interruptionOf(parts: Parts, runId: string): Promise<string | undefined> {
  const { waits } = parts;
  for (const until = performance.now() + waits.endedMs; ;) {
    const machines = await machinesOf(parts, runId).catch((error: unknown) => {
      if (!(error instanceof DriverError) || !error.retryable || performance.now() > until) throw error;
      return [];
    });
    const why = machines.map(({ state }) => state).find((state) => REASONS.test(state));
    if (why !== undefined || isSettled(machines) || performance.now() > until) return why;
    await sleep(waits.pollMs);
  }
}

/** Whether all that there is to learn is shown: a run has one machine, and one that ended says why. */
function isSettled(machines: readonly Seen[]): boolean {
  return machines.some(({ state }) => ENDED.test(state) && REASON.test(state));
}
