import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One number that says how things are now. */
export interface Gauge {
  readonly name: `burnbag_${string}`;
  readonly help: string;
  readonly value: number;
}

/**
 * Writes gauges to `metrics/NAME.prom` in the data directory, in the text format of Prometheus (version 0.0.4), whole or not at all: for the
 * textfile collector of its node exporter, or anybody who reads. Never throws: what a metric would tell is told elsewhere too.
 */
export function writeMetrics(home: string, name: string, gauges: readonly Gauge[]): void {
  const folder = join(home, 'metrics');
  const file = join(folder, `${name}.prom`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const temporary = `${file}.${process.pid}.tmp`;
    writeFileSync(temporary, gauges.map(render).join(''), { mode: 0o644 });
    renameSync(temporary, file);
  } catch {
    // A full disk, or somebody else's folder: no metric then.
  }
}

function render({ name, help, value }: Gauge): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`;
}
