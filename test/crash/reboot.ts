import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scan } from '../support/scanner.ts';
import type { CrashHome } from './place.ts';

/** A process of somebody else, whose pid is one that a sandbox had before the reboot. */
export function startNeighbour(): Neighbour {
  const child = spawn('/bin/sleep', ['600'], { stdio: 'ignore', cwd: '/', env: {} });
  const closed = once(child, 'close');
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    isAlive,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

export interface Neighbour extends AsyncDisposable {
  readonly pid: number;
  isAlive(): boolean;
}

/**
 * What a host's reboot leaves of a data directory: files only. No machine is there any more, and the pids and start times that stand in files
 * (the manifest of ids, lock.json) are now those of others.
 */
export async function reboot({ home }: CrashHome, pid: number): Promise<void> {
  for (const one of await scan(home))
    if (one.kind === 'process' && one.pid !== undefined) process.kill(one.pid, 'SIGKILL');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  const owner = { pid, started, boot_id: '00000000-0000-4000-8000-000000000000', since: new Date().toISOString() };
  await writeFile(join(home, 'lock.json'), `${JSON.stringify(owner)}\n`);
}
