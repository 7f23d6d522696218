import { setTimeout as sleep } from 'node:timers/promises';
import { archivePending } from '../archive-pending.ts';
import { isTerminal } from '../lifecycle.ts';
import { writeRunMetrics, writeSweepMetrics } from '../metrics.ts';
import type { Run } from '../run.ts';
import type { Deps } from '../step.ts';
import { nextTry } from './back-off.ts';
import { stopOverdue } from './bystander.ts';
import { burnRemnants } from './burn-remnants.ts';
import { type Find, findRuns } from './find.ts';
import { findUnlabelled } from './find-unlabelled.ts';
import { judge, type Standing, type Verdict } from './judge.ts';
import { roomLeft, type SweepReport, type SweptRun, tooMany } from './report.ts';
import { type Crew, standingOf } from './standing.ts';
import { writeSweepLog } from './sweep-log.ts';

export type { Crew };

/**
 * One sweep of the reaper, by the owner of the data directory. Both ways, because each can be wrong by itself:
 *
 *   journal → what exists   runs that have not ended and that nobody conducts are taken up: collected, burned, proven;
 *   what exists → journal   what is found of a run that has ended, or that nobody knows, is marked, asked about once more, and burned.
 *
 * It never burns more than `most` runs: a sweep that wants to burn everything is more likely wrong than right.
 */
export async function sweep(order: SweepOrder, deps: Deps, crew: Crew): Promise<SweepReport> {
  const since = performance.now();
  const done: SweptRun[] = [];
  const room = (): number => roomLeft(order, done);
  for (const run of await abandoned(deps, crew)) done.push(await takeUp(run, order, room(), deps, crew));
  const marked = await mark(order, deps, crew, done);
  if (marked.some(({ verdict }) => verdict.burn)) await sleep(LAST_CHECK_MS);
  for (const one of marked) done.push(await burnMarked(one, order, room(), deps, crew));
  const evidence = await archivePending({ ...order, standingOf: (runId) => standingOf(runId, deps, crew) }, deps);
  const quarantined = await deps.journal.listRuns({ state: 'quarantined', limit: 1_000, own: true });
  const report: SweepReport = {
    schema: 'burnbag.reap/1',
    as: 'owner',
    dry_run: order.dryRun,
    runs: done,
    quarantined: quarantined.map(({ runId }) => runId),
    evidence: [...evidence],
    clean: quarantined.length === 0 && done.every(({ did }) => did === 'burned'),
    duration_ms: Math.round(performance.now() - since),
  };
  writeSweepLog(deps.home, report);
  writeSweepMetrics(deps.home, report);
  await writeRunMetrics(deps);
  return report;
}

export interface SweepOrder {
  /** Says what it would do, and does nothing. */
  readonly dryRun: boolean;
  /** How many runs one sweep may burn. */
  readonly most: number;
  /** Tries quarantined runs also before their time. */
  readonly impatient: boolean;
  /** How old something that nobody knows must be. */
  readonly graceSeconds: number;
}

/** Between marking and burning: who is about to put it on record gets time to. */
const LAST_CHECK_MS = 1_000;

async function abandoned({ journal }: Deps, crew: Crew): Promise<readonly Run[]> {
  const unfinished = await journal.unfinishedRuns();
  return unfinished.filter(({ runId, state }) => !crew.isLive(runId) && state !== 'awaiting_approval');
}

async function takeUp(run: Run, order: SweepOrder, room: number, deps: Deps, crew: Crew): Promise<SweptRun> {
  const { runId, state } = run;
  const swept = { run_id: runId, state, ids: (await deps.driver.inventory(runId)).length };
  if (state === 'quarantined' && !order.impatient) {
    const at = nextTry(await deps.journal.listTransitions(runId));
    if (at > new Date()) return { ...swept, did: 'left', why: `quarantined; tried again at ${at.toISOString()}` };
  }
  const why = `left ${state} by a process that ended`;
  if (room <= 0) return { ...swept, did: 'left', why: tooMany(order.most) };
  if (order.dryRun) return { ...swept, did: 'would_burn', why };
  const ended = await crew.takeUp(run);
  return { ...swept, state: ended.state, did: isTerminal(ended.state) ? 'burned' : 'left', why: ended.why ?? why };
}

interface Marked {
  readonly find: Find;
  readonly standing: Standing;
  readonly verdict: Verdict;
}

/** Everything found that is not of a run that was dealt with just now, with what is to become of it. */
async function mark(
  { graceSeconds }: SweepOrder,
  deps: Deps,
  crew: Crew,
  done: readonly SweptRun[],
): Promise<readonly Marked[]> {
  const finds = [...(await findRuns(deps.driver)), ...(await findUnlabelled(deps))];
  const marked: Marked[] = [];
  for (const find of finds) {
    if (done.some(({ run_id }) => run_id === find.runId) || marked.some((one) => one.find.runId === find.runId))
      continue;
    const standing = await standingOf(find.runId, deps, crew);
    if (standing.is === 'live') continue;
    marked.push({ find, standing, verdict: judge(find, standing, { now: new Date(), graceSeconds }) });
  }
  return marked;
}

/** The last check: it must still be nobody's. What has gone by itself since is proven gone as what is burned. */
async function burnMarked(
  { find, verdict, standing }: Marked,
  order: SweepOrder,
  room: number,
  deps: Deps,
  crew: Crew,
): Promise<SweptRun> {
  const { runId, ids } = find;
  const swept = { run_id: runId, state: 'state' in standing ? standing.state : null, ids: ids.length };
  if (standing.is === 'elsewhere') return stopOverdue(find, { ...order, room }, deps.driver, verdict.why);
  if (!verdict.burn) return { ...swept, did: 'left', why: verdict.why };
  if (room <= 0) return { ...swept, did: 'left', why: tooMany(order.most) };
  if (order.dryRun) return { ...swept, did: 'would_burn', why: verdict.why };
  const now = await standingOf(runId, deps, crew);
  const last = judge(find, now, { now: new Date(), graceSeconds: order.graceSeconds });
  if (!last.burn) return { ...swept, did: 'left', why: last.why };
  const problem = await burnRemnants(deps.driver, runId, ids);
  if (problem === undefined) return { ...swept, did: 'burned', why: verdict.why };
  return { ...swept, did: 'left', why: `not proven gone: ${problem}` };
}
