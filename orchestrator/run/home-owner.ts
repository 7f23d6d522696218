import { readFileSync } from 'node:fs';
import * as z from 'zod';

/** A process, named so that a reused pid is not mistaken for it. */
export const HomeOwner = z.strictObject({
  pid: z.int().min(1),
  /** Start time in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)). */
  started: z.string(),
  boot_id: z.string(),
  /** When it took the data directory, ISO 8601. */
  since: z.string(),
});
export type HomeOwner = z.infer<typeof HomeOwner>;

/** Names this process as an owner. */
export function describeThisProcess(): HomeOwner {
  const started = readProcess(process.pid)?.started ?? 'unknown';
  return { pid: process.pid, started, boot_id: readBootId(), since: new Date().toISOString() };
}

/** Tells whether exactly this process still runs: same boot, same pid, same start time, and not a zombie. */
export function isAlive(owner: HomeOwner): boolean {
  const found = readProcess(owner.pid);
  return (
    found !== undefined && found.started === owner.started && found.state !== 'Z' && owner.boot_id === readBootId()
  );
}

/** Who a file names as owner; undefined when it names nobody legibly. */
export function readOwner(file: string): HomeOwner | undefined {
  try {
    return HomeOwner.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function readProcess(pid: number): { state: string | undefined; started: string | undefined } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name stands in parentheses and may itself hold spaces and parentheses: fields are counted after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], started: fields[19] };
  } catch {
    return undefined;
  }
}
