import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, readOwner } from '../../orchestrator/run/home-owner.ts';
import type { Random } from './random.ts';

/** A command under way that asked for one run. */
export interface SoakProcess {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

export interface Soak {
  readonly home: string;
  /** Asks for one run, on one data directory, as a user does. */
  readonly start: () => SoakProcess;
  readonly seconds: number;
  /** How many at once. */
  readonly atOnce: number;
  /** The longest a process is let alone before something happens to it. */
  readonly patienceMs: number;
  /** Between two deaths of the owner, on average. */
  readonly ownerLivesMs: number;
  readonly random: Random;
}

/** What happened. */
export interface Soaked {
  started: number;
  stopped: number;
  killed: number;
  ownersKilled: number;
  /** Exit codes and signals of the processes, and how many ended so. */
  readonly ends: Map<string, number>;
}

/**
 * So many runs at once, for so long: some end by themselves, some are cancelled, the process of some is killed, and now and then the one that
 * has the data directory and conducts them all. Resolves when the last has ended; what is left then is for the caller to look at.
 */
export async function soak(order: Soak): Promise<Soaked> {
  const soaked: Soaked = { started: 0, stopped: 0, killed: 0, ownersKilled: 0, ends: new Map() };
  const until = performance.now() + order.seconds * 1_000;
  const isOver = (): boolean => performance.now() > until;
  const worker = async (): Promise<void> => {
    while (!isOver()) await one(order, soaked);
  };
  await Promise.all([...Array.from({ length: order.atOnce }, worker), killOwners(order, soaked, isOver)]);
  return soaked;
}

async function one({ start, random, patienceMs }: Soak, soaked: Soaked): Promise<void> {
  const run = start();
  soaked.started += 1;
  const fate = random.of(['ends', 'ends', 'is stopped', 'is killed'] as const);
  if (fate !== 'ends') {
    const early = await Promise.race([run.ended, sleep(random.below(patienceMs), undefined)]);
    if (early === undefined && signal(run.pid, fate === 'is stopped' ? 'SIGINT' : 'SIGKILL'))
      soaked[fate === 'is stopped' ? 'stopped' : 'killed'] += 1;
  }
  const { code, signal: by } = await run.ended;
  const end = by ?? `exit ${String(code)}`;
  soaked.ends.set(end, (soaked.ends.get(end) ?? 0) + 1);
}

async function killOwners({ home, random, ownerLivesMs }: Soak, soaked: Soaked, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await sleep(random.below(2 * ownerLivesMs));
    const owner = readOwner(join(home, 'lock.json'));
    if (owner === undefined || owner.pid === process.pid || !isAlive(owner)) continue;
    if (signal(owner.pid, 'SIGKILL')) soaked.ownersKilled += 1;
  }
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
