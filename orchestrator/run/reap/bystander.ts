import type { SandboxDriver } from '../../../infra/driver.ts';
import { type Find, findRuns } from './find.ts';
import { isOverdue } from './judge.ts';
import type { SweepReport, SweptRun } from './report.ts';
import { writeSweepLog } from './sweep-log.ts';

/**
 * A sweep while another process has the data directory and does not answer: it may be asleep, or hang. What exists is reported. One thing
 * is done all the same: a machine past the deadline of its own guest is ended, since no lease is that long, whoever holds it.
 */
export async function sweepAsBystander(order: BystanderOrder, driver: SandboxDriver): Promise<SweepReport> {
  const since = performance.now();
  const runs: SweptRun[] = [];
  for (const find of await findRuns(driver)) runs.push(await stopOverdue(find, order, driver, ANOTHERS));
  const report: SweepReport = {
    schema: 'burnbag.reap/1',
    as: 'bystander',
    dry_run: order.dryRun,
    runs,
    quarantined: [],
    evidence: [],
    clean: false,
    duration_ms: Math.round(performance.now() - since),
  };
  writeSweepLog(order.home, report);
  return report;
}

interface BystanderOrder {
  readonly home: string;
  readonly dryRun: boolean;
  readonly graceSeconds: number;
}

const ANOTHERS = 'the data directory is another process’s';

/** Ends the machine of a run that is somebody else's where its own guest should have; else leaves it, and says why. */
export async function stopOverdue(
  find: Find,
  { dryRun, graceSeconds }: Pick<BystanderOrder, 'dryRun' | 'graceSeconds'>,
  driver: SandboxDriver,
  whyLeft: string,
): Promise<SweptRun> {
  const swept = { run_id: find.runId, state: null, ids: find.ids.length };
  if (!isOverdue(find, { now: new Date(), graceSeconds })) return { ...swept, did: 'left', why: whyLeft };
  const why = `its guest should have ended more than ${graceSeconds} s ago`;
  if (dryRun) return { ...swept, did: 'would_burn', why };
  await driver.halt(find.runId);
  return { ...swept, did: 'stopped', why };
}
