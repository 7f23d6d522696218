import type { SandboxDriver } from '../../../infra/driver.ts';
import { explain } from '../../errors.ts';
import { type Find, findRuns } from './find.ts';
import { isOverdue } from './judge.ts';
import { roomLeft, type SweepReport, type SweptRun, tooMany } from './report.ts';
import { writeSweepLog } from './sweep-log.ts';

/**
 * A sweep while another process has the data directory and does not answer: it may be asleep, or hang. What exists is reported. One thing
 * is done all the same: a machine past the deadline of its own guest is ended, since no lease is that long, whoever holds it.
 */
export async function sweepAsBystander(order: BystanderOrder, driver: SandboxDriver): Promise<SweepReport> {
  const since = performance.now();
  const runs: SweptRun[] = [];
  for (const find of await findRuns(driver))
    runs.push(await stopOverdue(find, { ...order, room: roomLeft(order, runs) }, driver, ANOTHERS));
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
  /** How many machines one sweep may end. */
  readonly most: number;
}

const ANOTHERS = 'the data directory is another process’s';

/**
 * Ends the machine of a run that is somebody else's where its own guest should have; else leaves it, and says why. Never more of them than
 * the sweep has room for: by a clock that is wrong all of them are overdue.
 */
export async function stopOverdue(
  find: Find,
  { room, dryRun, graceSeconds, most }: StopOrder,
  driver: SandboxDriver,
  whyLeft: string,
): Promise<SweptRun> {
  const swept = { run_id: find.runId, state: null, ids: find.ids.length };
  if (!hasMachine(find) || !isOverdue(find, { now: new Date(), graceSeconds }))
    return { ...swept, did: 'left', why: whyLeft };
  const why = `its guest should have ended more than ${graceSeconds} s ago`;
  if (room <= 0) return { ...swept, did: 'left', why: tooMany(most) };
  if (dryRun) return { ...swept, did: 'would_burn', why };
  try {
    await driver.halt(find.runId);
    return { ...swept, did: 'stopped', why };
  } catch (error) {
    const { expected, got } = explain(error);
    return { ...swept, did: 'left', why: `not ended: expected ${expected}, got ${got}` };
  }
}

/** Without one there is nothing to end: the rest of a run does nothing by itself, and waits for whoever has it. */
function hasMachine({ ids }: Find): boolean {
  return ids.some(({ kind }) => kind === 'process' || kind === 'instance');
}

interface StopOrder extends Pick<BystanderOrder, 'dryRun' | 'graceSeconds' | 'most'> {
  readonly room: number;
}
