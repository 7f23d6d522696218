import type { SandboxDriver } from '../../../infra/driver.ts';
import { lockHome } from '../home-lock.ts';
import { burnRemnants } from './burn-remnants.ts';
import { findRuns } from './find.ts';
import { type SweepReport, type SweptRun, tooMany } from './report.ts';
import { writeSweepLog } from './sweep-log.ts';

/**
 * Burns everything that carries our label, when the journal cannot say what is what any more: destruction must be possible whatever else is
 * broken. Takes the lock of the data directory, so no run of ours is under way. There are no receipts: nobody knows what there was.
 */
export async function sweepWithoutJournal(
  order: { readonly home: string; readonly dryRun: boolean; readonly most: number },
  driver: SandboxDriver,
): Promise<SweepReport> {
  const since = performance.now();
  await using _lock = await lockHome(order.home);
  const runs: SweptRun[] = [];
  for (const { runId, ids } of await findRuns(driver)) {
    const swept = { run_id: runId, state: null, ids: ids.length };
    const why = 'everything was to be burned, without asking the journal';
    if (order.dryRun) runs.push({ ...swept, did: 'would_burn', why });
    else if (runs.length >= order.most) runs.push({ ...swept, did: 'left', why: tooMany(order.most) });
    else {
      const problem = await burnRemnants(driver, runId, ids);
      runs.push(
        problem === undefined
          ? { ...swept, did: 'burned', why }
          : { ...swept, did: 'left', why: `not proven gone: ${problem}` },
      );
    }
  }
  const report: SweepReport = {
    schema: 'burnbag.reap/1',
    as: 'owner',
    dry_run: order.dryRun,
    runs,
    quarantined: [],
    evidence: [],
    clean: runs.every(({ did }) => did === 'burned'),
    duration_ms: Math.round(performance.now() - since),
  };
  writeSweepLog(order.home, report);
  return report;
}
