import type { FoundId } from '../../../infra/driver.ts';
import { isTerminal } from '../lifecycle.ts';
import type { Deps } from '../step.ts';
import { describe, type Find } from './find.ts';

/** Runs looked at one by one: those that ended last. What ended longer ago was swept before. */
const LATEST_RUNS = 20;

/** What the journal calls gone and is there, of runs of this data directory (another's ids mean something else on this host): ids of the runs that ended last, looked for by id, since not all that is ours need carry our label. */
export async function findUnlabelled({ journal, driver }: Deps): Promise<readonly Find[]> {
  const ended = (await journal.listRuns({ limit: LATEST_RUNS, own: true })).filter(({ state }) => isTerminal(state));
  const finds: Find[] = [];
  for (const { runId } of ended) {
    const ids = await journal.listIds(runId);
    const present = await Promise.all(
      ids.map(async ({ kind, id, detail }): Promise<readonly FoundId[]> => {
        const look = await driver.observe({ kind, id, detail }).catch(() => undefined);
        return look?.state === 'present' ? [{ kind, id, detail, runId }] : [];
      }),
    );
    if (present.flat().length > 0) finds.push(describe(runId, present.flat()));
  }
  return finds;
}
