import { machinesOf } from './inventory/look.ts';
import type { Parts } from './parts.ts';

/** EC2's own reasons for an end that nobody of ours asked for (StateReason, EC2 API reference): capacity wanted back, or a host that failed. */
const REASONS =
  /\bServer\.(SpotInstanceTermination|SpotInstanceShutdown|InsufficientInstanceCapacity|InternalError|ScheduledStop)\b/;

/** Why EC2 took the machine of a run away, in its words; undefined where it did not. */
export async function interruptionOf(parts: Parts, runId: string): Promise<string | undefined> {
  const machines = await machinesOf(parts, runId);
  return machines.map(({ state }) => state).find((state) => REASONS.test(state));
}
