import * as z from 'zod';

/** One run of which something was found, or that has not ended: what was done about it, and why. */
export const SweptRun = z.strictObject({
  run_id: z.string(),
  /** As the journal has it; null where it knows of no such run, or could not be asked. */
  state: z.string().nullable(),
  /** Ids that were found on the control plane. */
  ids: z.int(),
  /** `burned`: proven gone. `would_burn`: in a dry run. `stopped`: its machine was ended, the rest is left. `left`: see `why`. */
  did: z.enum(['burned', 'would_burn', 'stopped', 'left']),
  why: z.string(),
});
export type SweptRun = z.infer<typeof SweptRun>;

/** One run whose evidence was owed to the archive. `archived`: all of it is under lock now. `pending`: not yet, see `why`. */
export const OwedEvidence = z.strictObject({
  run_id: z.string(),
  did: z.enum(['archived', 'pending']),
  why: z.string(),
});
export type OwedEvidence = z.infer<typeof OwedEvidence>;

/** What one sweep of the reaper found and did. */
export const SweepReport = z.strictObject({
  schema: z.literal('burnbag.reap/1'),
  /** `owner`: with the journal. `bystander`: another process has the data directory and does not answer, so only what is overdue was touched. */
  as: z.enum(['owner', 'bystander']),
  dry_run: z.boolean(),
  runs: z.array(SweptRun),
  /** Runs whose absence is not proven after this sweep. */
  quarantined: z.array(z.string()),
  /** What had not come into the archive when its run ended, and what became of it now. */
  evidence: z.array(OwedEvidence),
  /** Nothing is left that should not be. */
  clean: z.boolean(),
  duration_ms: z.int(),
});
export type SweepReport = z.infer<typeof SweepReport>;

/** How many more runs a sweep may deal with that may deal with `most`; what it only looked at does not count. */
export function roomLeft({ most }: { readonly most: number }, done: readonly SweptRun[]): number {
  return most - done.filter(({ did }) => did !== 'left').length;
}

/** Why a run was left that a sweep would have dealt with. */
export function tooMany(most: number): string {
  return `more than ${most} runs to burn in one sweep: look at them, then sweep again with --most`;
}
