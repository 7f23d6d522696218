import { isTerminal } from '../lifecycle.ts';
import type { Run } from '../run.ts';
import type { Deps } from '../step.ts';
import type { Standing } from './judge.ts';

/** How a run stands, by this process and by the journal. */
export async function standingOf(runId: string, { journal }: Deps, crew: Crew): Promise<Standing> {
  if (crew.isLive(runId)) return { is: 'live' };
  const run = await journal.getRun(runId).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'run_not_found') return undefined;
    throw error;
  });
  if (run === undefined) return { is: 'unknown' };
  const unfinished = journal.isElsewhere(run) ? 'elsewhere' : 'unfinished';
  return { is: isTerminal(run.state) ? 'ended' : unfinished, state: run.state };
}

/** What the owner's process knows and can do. */
export interface Crew {
  /** Whether this process conducts the run, or is about to. */
  isLive(runId: string): boolean;
  takeUp(run: Run): Promise<Run>;
}
