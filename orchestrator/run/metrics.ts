import { type Gauge, writeMetrics } from '../telemetry/metrics.ts';
import type { SweepReport } from './reap/report.ts';
import type { Run } from './run.ts';
import type { Deps } from './step.ts';

/** More than this many quarantined runs are said to be this many. */
const COUNTED_MAX = 1_000;

/** Says how many runs are not proven gone, and how many are under way in this process. */
export async function writeRunMetrics({ home, journal, places }: Deps): Promise<void> {
  const quarantined = await journal.listRuns({ state: 'quarantined', limit: COUNTED_MAX }).catch(() => undefined);
  const { runs, memoryMiB, waiting } = places.load;
  writeMetrics(home, 'runs', [
    ...(quarantined === undefined ? [] : ofQuarantined(quarantined)),
    { name: 'burnbag_sandboxes', help: 'Sandboxes that have their room now.', value: runs },
    { name: 'burnbag_sandboxes_memory_mib', help: 'Memory of their guests, in MiB.', value: memoryMiB },
    { name: 'burnbag_runs_waiting', help: 'Runs that wait for room.', value: waiting },
  ]);
}

function ofQuarantined(runs: readonly Run[]): readonly Gauge[] {
  const since = runs.map(({ createdAt }) => Date.parse(createdAt) / 1000);
  const help = 'When the oldest run that is not proven gone was asked for, in Unix seconds; 0 where there is none.';
  return [
    { name: 'burnbag_runs_quarantined', help: 'Runs whose sandbox is not proven gone.', value: runs.length },
    { name: 'burnbag_quarantined_oldest_timestamp_seconds', help, value: runs.length === 0 ? 0 : Math.min(...since) },
  ];
}

/** Says what the last sweep did: an old time means that nobody sweeps. */
export function writeSweepMetrics(home: string, { runs, duration_ms: durationMs, dry_run: isDry }: SweepReport): void {
  if (isDry) return;
  const count = (...what: readonly string[]): number => runs.filter(({ did }) => what.includes(did)).length;
  writeMetrics(home, 'reaper', [
    {
      name: 'burnbag_sweep_timestamp_seconds',
      help: 'When the last sweep ended, in Unix seconds.',
      value: Date.now() / 1000,
    },
    { name: 'burnbag_sweep_duration_seconds', help: 'How long it took.', value: durationMs / 1000 },
    { name: 'burnbag_sweep_burned', help: 'Runs of which it burned something.', value: count('burned', 'stopped') },
    {
      name: 'burnbag_sweep_left',
      help: 'Runs of which it left something: burnbag reap says why.',
      value: count('left'),
    },
  ]);
}
