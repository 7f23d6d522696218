import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Configuration } from '../orchestrator/configuration.ts';
import { openOrchestrator } from '../orchestrator/orchestrator.ts';
import { livesPerSecond } from './lives.ts';
import { describeMachine, keepResults, say } from './machine.ts';
import { duration } from './statistics.ts';

/** As many runs as take turns at the journal's thread. */
const AT_ONCE = 32;
const WARM = 50;
const LIVES = { moves: 400, everything: 60 } as const;
/** One after the other they take longer, and fewer say as much. */
const LIVES_ALONE = 40;
const PAST_RUNS = 10_000;
const SWEEPS = 5;

/**
 * Measures what the journal lets through: lives per second with each move on disk before the next, and what a sweep of the reaper costs when
 * ten thousand runs are behind it. Prints a table and keeps every figure in bench/results/.
 */
export async function benchJournal(root: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'burnbag-bench-journal-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(home, { recursive: true, force: true }));
  const environment = { home, root, requester: 'bench', variables: {} };
  const orchestrator = cleanup.use(await openOrchestrator(environment, Configuration.parse({}), 'queries'));
  const { journal } = orchestrator.deps;
  const machine = describeMachine();
  await livesPerSecond(journal, 'moves', WARM, AT_ONCE);
  const rates = [];
  for (const depth of ['moves', 'everything'] as const)
    for (const atOnce of [1, AT_ONCE]) {
      say(`${depth}, ${atOnce} at a time`);
      const before = process.cpuUsage();
      const lives = atOnce === 1 ? LIVES_ALONE : LIVES[depth];
      const perSecond = await livesPerSecond(journal, depth, lives, atOnce);
      const { user, system } = process.cpuUsage(before);
      rates.push({ depth, atOnce, perSecond, cpuMsPerLife: (user + system) / 1_000 / lives });
    }
  say(`${PAST_RUNS} past runs`);
  await livesPerSecond(journal, 'moves', PAST_RUNS - WARM - 2 * LIVES_ALONE - LIVES.moves - LIVES.everything, AT_ONCE);
  const sweepsMs = [];
  for (let round = 0; round < SWEEPS; round += 1) {
    const order = { dryRun: false, most: 16, impatient: true, graceSeconds: 120 };
    sweepsMs.push((await orchestrator.reap(order, () => undefined)).duration_ms);
  }
  const command = 'npm run bench -- journal';
  const file = await keepResults(root, 'journal', { command, machine, rates, pastRuns: PAST_RUNS, sweepsMs });
  for (const { depth, atOnce, perSecond, cpuMsPerLife } of rates)
    console.log(`| ${depth} | ${atOnce} | ${perSecond.toFixed(0)} | ${duration(cpuMsPerLife)} |`);
  console.log(
    `sweeps with ${PAST_RUNS} past runs: ${sweepsMs.map(duration).join(', ')}; load ${machine.load.join(' ')}; ${file}`,
  );
}
