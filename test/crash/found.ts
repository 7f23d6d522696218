import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DumpedRun } from '../support/crash-plan.ts';
import { receiptsOf, scan, unrevoked } from '../support/scanner.ts';
import type { Findings } from './invariants.ts';
import type { CrashHome, CrashProcess, Ended } from './place.ts';

/** What one cell came to. */
export interface Played {
  /** How the first process ended, where that was looked at. */
  readonly ended: Ended | undefined;
  readonly runs: readonly DumpedRun[];
  /** How much of the sandbox was there when another came. */
  readonly remnants: number;
  readonly recoveryMs: number;
  readonly violations: readonly string[];
  /** What the first process said that ended before its fault was due. */
  readonly missed?: string;
}

/** What is there when all is over, by those who only look. */
export async function findAfter(
  home: CrashHome,
  runs: readonly DumpedRun[],
): Promise<Pick<Findings, 'ledger' | 'after' | 'scripts'>> {
  const ledger = await home.readLedger();
  const burned = runs.filter(({ state }) => state === 'destroyed');
  const serials = new Set([
    ...burned.flatMap((run) => run.serials),
    ...ledger.flatMap((line) => (line.what === 'login' ? [line.serial] : [])),
  ]);
  const after = {
    remnants: await scan(home.home),
    receipts: await receiptsOf(home.home),
    unrevoked: await unrevoked(home.home, serials),
  };
  return { ledger, after, scripts: await scriptsStarted(home, runs) };
}

/** Looked for while the recovery is under way, so that what it does after the burn does not count. */
export async function timeUntilClean({ home }: CrashHome, { ended }: CrashProcess): Promise<number> {
  const since = performance.now();
  for (;;) {
    const isOver = await Promise.race([ended.then(() => true), sleep(LOOK_EVERY_MS, false)]);
    if (isOver || (await scan(home)).length === 0) return performance.now() - since;
  }
}

const LOOK_EVERY_MS = 1_000;

/** What a recovery said of the journal; nothing where it never came so far. */
export function dumpOf({ events }: CrashProcess): readonly DumpedRun[] {
  return events.flatMap((event) => (event.type === 'dump' ? event.runs : []));
}

/** What a process said, for whoever has to find out why. */
export function describe({ events, output }: CrashProcess): string {
  return `${output().slice(0, 2_000)} ${JSON.stringify(events.filter(({ type }) => type !== 'dump')).slice(0, 2_000)}`;
}

/** A real machine tells in its executor's log what it did. */
async function scriptsStarted(
  { home }: CrashHome,
  runs: readonly DumpedRun[],
): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (const { runId } of runs) {
    const log = await readFile(join(home, 'runs', runId, 'executor.ndjson'), 'utf8').catch(() => '');
    const isStart = (line: string): boolean => line.includes('"action_started"') && line.includes('"run_script"');
    found[runId] = log.split('\n').filter(isStart).length;
  }
  return found;
}
