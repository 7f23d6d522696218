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
      `| \`${step}\` | ${fault} | ${ended} | ${remnants} | ${outcome} | ${(recoveryMs / 1000).toFixed(1)} s |`,
  );
  return `# Crash matrix

Written by \`npm run drill:crash\`; do not edit. Each row is one run on a data directory of its own: a process that conducts it, a fault at one
step, and a new process that sweeps (\`burnbag reap\`). The driver is a fake one with real processes, ports, files and stack files, whose machines
outlive their owner; everything else is the product. After each row an independent scanner (\`test/support/scanner.ts\`) finds no process, port,
file or stack of the run, no certificate that is not revoked, no action done twice, no receipt that was signed while anything was there, and a
journal whose chain holds (\`test/crash/invariants.ts\`).

${results.length} rows; recovery p50 ${(percentile(times, 50) / 1000).toFixed(1)} s, p95 ${(percentile(times, 95) / 1000).toFixed(1)} s, from the start of the process to its end.

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
