import { COLLECTING_SECONDS } from '../ca/index.ts';

/** By how much the orchestrator's own switch comes after the guest's two: those tell what they saw. */
const HALT_LATER_SECONDS = 30;

/** How long a machine may live, whatever happens, in seconds from the start of its provisioning. */
export interface Lifetime {
  /** When the guest powers itself off. */
  readonly guestSeconds: number;
  /** When whoever conducts its run ends it. */
  readonly haltSeconds: number;
}

/** From a grant's seconds. No grant is for ever, so no machine is. */
export function lifetimeOf(ttlSeconds: number): Lifetime {
  const guestSeconds = ttlSeconds + COLLECTING_SECONDS;
  return { guestSeconds, haltSeconds: guestSeconds + HALT_LATER_SECONDS };
}
