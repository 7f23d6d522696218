import { FAILPOINTS } from '../../orchestrator/run/failpoint.ts';
import type { CellResult } from './cell.ts';

/** The value below which so many per cent of the values lie. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
}

/** docs/crash-matrix.md, from the results of a whole drill. */
export function crashTable(results: readonly CellResult[]): string {
  const times = results.map(({ recoveryMs }) => recoveryMs);
  const rows = results.map(
    ({ step, fault, ended, remnants, outcome, recoveryMs }) =>
      `| \`${step}\` | ${fault} | ${ended} | ${remnants} | ${outcome} | ${seconds(recoveryMs)} |`,
  );
  return `# Crash matrix

Written by \`npm run drill:crash\`; do not edit. Each row is one run on a data directory of its own: a process that conducts it, a fault at one
step, and a new process that sweeps (\`burnbag reap\`). The driver is a fake one with real processes, ports, files and stack files, whose machines
outlive their owner; everything else is the product. After each row an independent scanner (\`test/support/scanner.ts\`) finds no process, port,
file or stack of the run, no certificate that is not revoked, no action done twice, no receipt that was signed while anything was there, and a
journal whose chain holds (\`test/crash/invariants.ts\`). What an hour of cells drawn at random found, on real machines too, is in
[crash-drill.md](crash-drill.md).

${results.length} rows; recovery p50 ${seconds(percentile(times, 50))}, p95 ${seconds(percentile(times, 95))}, from the start of the process to its end.

## Steps
${Object.entries(FAILPOINTS)
  .map(([step, what]) => `- \`${step}\`: ${what}`)
  .join('\n')}

## Rows
"left" is how much of the sandbox was there when the first process had ended.

| step | fault | first process | left | run after the recovery | recovery |
|---|---|---|---:|---|---:|
${rows.join('\n')}
`;
}

/** One that was drawn at random, on a fake or a real machine. */
export interface DrilledCell extends CellResult {
  readonly where: 'fake' | 'real';
}

/** How often a fault never struck, and its cell was played again. */
export function missesOf(cells: readonly CellResult[]): number {
  return cells.reduce((sum, { misses }) => sum + misses.length, 0);
}

/** docs/crash-drill.md, from a drill that found nothing. */
export function drillTable(
  cells: readonly DrilledCell[],
  { command, seed, minutes, on }: { command: string; seed: string; minutes: number; on: string },
): string {
  const steps = [...new Set(cells.map(({ step }) => step))];
  const byFault = Map.groupBy(cells, ({ where, fault }) => `${where} | ${fault}`);
  const rows = [...byFault]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, of]) => {
      const times = of.map(({ recoveryMs }) => recoveryMs);
      const outcomes = [...new Set(of.map(({ outcome }) => outcome))].sort().join('; ');
      return `| ${name} | ${of.length} | ${new Set(of.map(({ step }) => step)).size} | ${outcomes} | ${seconds(percentile(times, 50))} | ${seconds(Math.max(...times))} |`;
    });
  const count = (where: DrilledCell['where']): number => cells.filter((cell) => cell.where === where).length;
  const times = cells.map(({ recoveryMs }) => recoveryMs);
  return `# The last hour of drill

Written by \`${command}\` on ${on} (seed ${seed}); do not edit. [crash-matrix.md](crash-matrix.md) says what a cell is and what must hold after it.

${minutes} minutes: ${cells.length} cells drawn at random, ${count('fake')} on fake machines and ${count('real')} on real ones (QEMU), at ${steps.length} of ${Object.keys(FAILPOINTS).length} steps. **0 broken**; ${missesOf(cells)} times a run reached
its own limits before its fault was due, and the cell was played again.
Recovery p50 ${seconds(percentile(times, 50))}, p95 ${seconds(percentile(times, 95))}, two cells at a time.

| machine | fault | cells | steps | runs after the recovery | recovery p50 | most |
|---|---|---:|---:|---|---:|---:|
${rows.join('\n')}
`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
