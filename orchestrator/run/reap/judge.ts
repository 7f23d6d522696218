import type { RunState } from '../lifecycle.ts';

/** A run as the control plane shows it: everything found of it. */
export interface FoundRun {
  readonly runId: string;
  /** When the youngest and when the oldest part came into being; undefined where the control plane does not say. */
  readonly youngest: Date | undefined;
  /** When its guest should have ended by itself. */
  readonly deadline: Date | undefined;
}

/** How a run stands with whoever sweeps. */
export type Standing =
  | { readonly is: 'live' }
  | { readonly is: 'elsewhere'; readonly state: RunState }
  | { readonly is: 'unknown' }
  | { readonly is: 'unfinished' | 'ended'; readonly state: RunState };

export interface Verdict {
  readonly burn: boolean;
  readonly why: string;
}

/**
 * What nobody knows may be starting just now, in a way nobody thought of: it gets this long to be known. A guest ends itself at its deadline:
 * one that is still there this much later does not obey.
 */
export const GRACE_SECONDS = 120;

/** Whether what was found of a run is to be burned. Pure. Unfinished runs are taken up and burned by their conductor, not as remnants. */
export function judge(found: FoundRun, standing: Standing, { now, graceSeconds }: Moment): Verdict {
  switch (standing.is) {
    case 'live':
      return { burn: false, why: 'this process conducts it' };
    case 'elsewhere':
      return { burn: false, why: `another data directory has it ${standing.state}` };
    case 'unfinished':
      return { burn: false, why: `the journal has it ${standing.state}` };
    case 'ended':
      return { burn: true, why: `the journal has it ${standing.state}: nothing of it may be there` };
    case 'unknown':
      return isYoung(found, { now, graceSeconds })
        ? { burn: false, why: `unknown to the journal, but younger than ${graceSeconds} s` }
        : { burn: true, why: 'unknown to the journal' };
  }
}

/** Whether its guest should be gone by itself, whoever conducts it. */
export function isOverdue({ deadline }: FoundRun, { now, graceSeconds }: Moment): boolean {
  return deadline !== undefined && now.getTime() - deadline.getTime() > graceSeconds * 1000;
}

export interface Moment {
  readonly now: Date;
  readonly graceSeconds: number;
}

/** What does not tell its age is taken for old. */
function isYoung({ youngest }: FoundRun, { now, graceSeconds }: Moment): boolean {
  return youngest !== undefined && now.getTime() - youngest.getTime() < graceSeconds * 1000;
}
