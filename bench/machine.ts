import { cpus, loadavg, release, totalmem } from 'node:os';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';

/** What the figures were measured on; `load` is what else it did, as the three load averages. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly load: readonly number[];
}

/** This machine as it is now: called before measuring, so that the load is that of the others. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
    load: loadavg(),
  };
}

/** Keeps every single figure in `bench/results/DATE-NAME.json`, and says where. */
export async function keepResults(root: string, name: string, results: object): Promise<string> {
  const measuredAt = new Date().toISOString();
  const file = `bench/results/${measuredAt.slice(0, 10)}-${name}.json`;
  await mkdir(join(root, 'bench', 'results'), { recursive: true });
  await writeFile(
    join(root, file),
    await format(JSON.stringify({ measuredAt, ...results }, null, 2), { parser: 'json', printWidth: 120 }),
  );
  return file;
}

/** Progress, on stderr: stdout is for the table. */
export function say(what: string): void {
  console.error(`bench: ${what}`);
}
