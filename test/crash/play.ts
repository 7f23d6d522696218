import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FILLER } from '../support/crash-plan.ts';
import { receiptsOf, scan } from '../support/scanner.ts';
import type { Cell, CellResult } from './cell.ts';
import { openFaultyStore } from './faulty-store.ts';
import { describe, dumpOf, findAfter, type Played, timeUntilClean } from './found.ts';
import { violations } from './invariants.ts';
import { type CrashHome, type CrashPlace, type CrashProcess, NeverSaid } from './place.ts';
import { reboot, startNeighbour } from './reboot.ts';
import { playSleeper } from './sleeper.ts';

/** On a machine this busy a run may reach its own limits (a login in time, a boot in time) before its fault is due. */
const MISSES_MAX = 2;

/**
 * Plays one cell, on a data directory of its own. A fault that never struck proves nothing: that is said, nothing may be left of it either,
 * and the cell is played again; where it never strikes, the cell is broken.
 */
export async function play(place: CrashPlace, cell: Cell): Promise<CellResult> {
  const misses: string[] = [];
  for (;;) {
    const { step, fault } = cell;
    const { ended, runs, remnants, recoveryMs, violations, missed } = await playOnce(place, cell);
    const isAgain = missed !== undefined && violations.length === 0 && misses.length < MISSES_MAX;
    if (missed !== undefined) misses.push(missed);
    if (isAgain) continue;
    return {
      ...{ step, fault, remnants, misses },
      violations: missed === undefined ? violations : [...violations, `the fault never struck: ${missed}`],
      ended: ended?.signal ?? `exit ${String(ended?.code)}`,
      outcome:
        runs.map(({ state, outcome }) => [state, outcome].filter((word) => word !== undefined).join(', ')).join('; ') ||
        'no run',
      recoveryMs: Math.round(recoveryMs),
    };
  }
}

async function playOnce(place: CrashPlace, cell: Cell): Promise<Played> {
  await using store = cell.store === undefined ? undefined : await openFaultyStore(place.endpoint, cell.store);
  const { sizeMiB, driver, sleeps } = cell;
  await using home = await place.newHome({
    ...(driver !== undefined && { driver }),
    ...(store !== undefined && { endpoint: store.endpoint }),
    ...(sizeMiB !== undefined && { sizeMiB }),
  });
  try {
    return await (sleeps === undefined ? playCrash(home, cell) : playSleeper(home, cell.run, sleeps));
  } catch (error) {
    if (!(error instanceof NeverSaid)) throw error;
    const left = (await scan(home.home)).map(({ kind, what }) => `left behind: ${kind} ${what}`);
    return { ended: undefined, runs: [], remnants: 0, recoveryMs: 0, violations: left, missed: error.message };
  }
}

/** A first process that meets its fault, and others that recover. */
async function playCrash(home: CrashHome, cell: Cell): Promise<Played> {
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
  const mishaps = [
    ...(neighbour?.isAlive() === false ? ['a process of somebody else was killed'] : []),
    ...(ended.signal === 'limit' ? ['the first process never ended'] : []),
    ...(code === 0 ? [] : [`the recovery failed: ${describe(last)}`]),
  ];
  const found = { ...(await findAfter(home, runs)), atCrash, runs, recoveryAtMs };
  const problems = violations({ ...found, cleanMs: await cleanMs, openedMs: last.openedMs() });
  const isMissed = cell.mustDie === true && ended.signal !== 'SIGKILL';
  return {
    ...{ ended, runs, remnants: atCrash.remnants.length, recoveryMs, violations: [...mishaps, ...problems] },
    ...(isMissed && { missed: describe(first) }),
  };
}

/** Waits for the moment, and ends the machine behind its owner's back. */
async function endMachine({ home }: CrashHome, owner: CrashProcess, how: NodeJS.Signals): Promise<void> {
  await owner.said('asking');
  for (const { kind, pid } of await scan(home))
    if (kind === 'process' && pid !== undefined && pid !== owner.pid) process.kill(pid, how);
  owner.answer();
}
