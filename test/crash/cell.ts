import { setTimeout as sleep } from 'node:timers/promises';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CrashPlan, type DumpedRun, FILLER } from '../support/crash-plan.ts';
import { receiptsOf, scan, unrevoked } from '../support/scanner.ts';
import { openFaultyStore, type StoreFault } from './faulty-store.ts';
import { violations } from './invariants.ts';
import { reboot, startNeighbour } from './reboot.ts';
import type { CrashHome, CrashPlace, CrashProcess, Given } from './place.ts';

type Started = Omit<CrashPlan, Given | 'do'> & {
  readonly machine?: CrashPlan['machine']['misbehave'];
};

/** One cell of the matrix: a step, what goes wrong there, and what then happens before somebody recovers. */
export interface Cell {
  readonly step: string;
  readonly fault: string;
  /** The process that conducts the run. */
  readonly run: Started;
  /** Recoveries that are disturbed themselves, before the one that is not. */
  readonly recoveries?: readonly Started[];
  /** The last recovery's own circumstances. */
  readonly recovery?: Started;
  /** Plays it on real machines. */
  readonly driver?: 'local';
  /** The signal that the machine gets when the first process asks. */
  readonly machineGets?: 'SIGKILL' | 'SIGTERM';
  /** What the archive does to uploads. */
  readonly store?: StoreFault;
  /** A data directory with a file system of its own of this size; whatever fills it is taken away before the recovery. */
  readonly sizeMiB?: number;
  /** Whether the host reboots before the recovery: no machine is left, and every pid is somebody else's. */
  readonly reboot?: true;
  /** Whether the first process must have been killed: a fault that never struck would prove nothing. */
  readonly mustDie?: boolean;
}

/** What came of it. */
export interface CellResult {
  readonly step: string;
  readonly fault: string;
  /** How the first process ended. */
  readonly ended: string;
  /** What of the sandbox was there then. */
  readonly remnants: number;
  /** How the run ended, e.g. `destroyed, interrupted`. */
  readonly outcome: string;
  /** From the start of the recovering process to its end. */
  readonly recoveryMs: number;
  readonly violations: readonly string[];
}

/** Plays one cell on a data directory of its own. */
export async function play(place: CrashPlace, cell: Cell): Promise<CellResult> {
  await using store = cell.store === undefined ? undefined : await openFaultyStore(place.endpoint, cell.store);
  const { sizeMiB, driver } = cell;
  await using home = await place.newHome({
    ...(driver !== undefined && { driver }),
    ...(store !== undefined && { endpoint: store.endpoint }),
    ...(sizeMiB !== undefined && { sizeMiB }),
  });
  await using neighbour = cell.reboot === true ? startNeighbour() : undefined;
  const first = home.start({ do: 'run', ...cell.run, ...(neighbour !== undefined && { stalePid: neighbour.pid }) });
  if (cell.machineGets !== undefined) await endMachine(home, first, cell.machineGets);
  const ended = await first.ended;
  const atCrash = { remnants: await scan(home.home), receipts: await receiptsOf(home.home) };
  await rm(join(home.home, FILLER), { force: true });
  if (neighbour !== undefined) await reboot(home, neighbour.pid);
  for (const recovery of cell.recoveries ?? []) await home.start({ do: 'recover', ...recovery }).ended;
  const recoveryAtMs = Date.now();
  const last = home.start({ do: 'recover', ...cell.recovery });
  const cleanMs = timeUntilClean(home, last);
  const { code, ms: recoveryMs } = await last.ended;
  const runs = dumpOf(last);
  const found = await findAfter(home, runs);
  const twice = await startedTwice(home, runs);
  const problems = violations({
    atCrash,
    ...found,
    runs,
    recoveryAtMs,
    cleanMs: await cleanMs,
    openedMs: last.openedMs(),
  });
  const mishaps = [
    ...(cell.mustDie === true && ended.signal !== 'SIGKILL' ? [`the fault never struck: ${describe(first)}`] : []),
    ...(neighbour?.isAlive() === false ? ['a process of somebody else was killed'] : []),
    ...(ended.signal === 'limit' ? ['the first process never ended'] : []),
    ...(code === 0 ? [] : [`the recovery failed: ${describe(last)}`]),
  ];
  return {
    step: cell.step,
    fault: cell.fault,
    ended: ended.signal ?? `exit ${String(ended.code)}`,
    remnants: atCrash.remnants.length,
    outcome:
      runs.map(({ state, outcome }) => [state, outcome].filter((word) => word !== undefined).join(', ')).join('; ') ||
      'no run',
    recoveryMs: Math.round(recoveryMs),
    violations: [...mishaps, ...twice, ...problems],
  };
}

/** Waits for the moment, and ends the machine behind its owner's back. */
async function endMachine({ home }: CrashHome, owner: CrashProcess, how: NodeJS.Signals): Promise<void> {
  await owner.said('asking');
  for (const { kind, pid } of await scan(home))
    if (kind === 'process' && pid !== undefined && pid !== owner.pid) process.kill(pid, how);
  owner.answer();
}

/** Looked for while the recovery is under way, so that what it does after the burn does not count. */
async function timeUntilClean({ home }: CrashHome, { ended }: CrashProcess): Promise<number> {
  const since = performance.now();
  for (;;) {
    const isOver = await Promise.race([ended.then(() => true), sleep(LOOK_EVERY_MS, false)]);
    if (isOver || (await scan(home)).length === 0) return performance.now() - since;
  }
}

const LOOK_EVERY_MS = 1_000;

export async function findAfter(home: CrashHome, runs: readonly DumpedRun[]) {
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
  return { ledger, after };
}

/** A real machine tells in its executor's log what it did. */
async function startedTwice({ home }: CrashHome, runs: readonly DumpedRun[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { runId } of runs) {
    const log = await readFile(join(home, 'runs', runId, 'executor.ndjson'), 'utf8').catch(() => '');
    const starts = log.split('\n').filter((line) => line.includes('"action_started"') && line.includes('"run_script"'));
    if (starts.length > 1) found.push(`done twice: the script of run ${runId}`);
  }
  return found;
}

function dumpOf({ events }: CrashProcess): readonly DumpedRun[] {
  return events.flatMap((event) => (event.type === 'dump' ? event.runs : []));
}

function describe({ events, output }: CrashProcess): string {
  return `${output().slice(0, 2_000)} ${JSON.stringify(events.filter(({ type }) => type !== 'dump')).slice(0, 2_000)}`;
}
