import { readFile } from 'node:fs/promises';
import type { RootGuest } from './root-guest.ts';

/** What a guest beside a hostile one may have to wait for a small thing, on a host of two busy processors and no help from its hardware. */
export const WAIT_MAX_MS = 10_000;

/** Has a guest do something small; resolves with how long that took, in milliseconds. */
export async function smallThing({ root }: RootGuest): Promise<number> {
  const started = performance.now();
  const { code, output } = await root.run('echo still there', 30_000);
  if (code !== 0 || output !== 'still there\n')
    throw new Error(`expected it to be still there, got ${code}: ${output}`);
  return performance.now() - started;
}

/** Peak of the memory that a guest's process really had, in MiB, as the kernel counts it. */
export async function peakMiB({ process }: Pick<RootGuest, 'process'>): Promise<number> {
  const status = await readFile(`/proc/${process.pid ?? 0}/status`, 'utf8');
  return Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1]) / 1024;
}
