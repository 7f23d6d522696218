import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

/**
 * Identifies a process beyond its pid: a pid is reused, means another process in another pid namespace, and nothing
 * after a reboot.
 */
export const processIdentitySchema = z.object({
  pid: z.number().int().positive(),
  hostname: z.string().min(1),
  boot: z.string().min(1),
  namespace: z.string().min(1),
  started: z.string().min(1),
});

export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** This process, or undefined where /proc cannot tell. */
export function ownIdentity(): ProcessIdentity | undefined {
  const started = startOf(process.pid);
  const [boot, namespace] = [bootId(), pidNamespace()];
  if (started === undefined || boot === undefined || namespace === undefined) return undefined;
  return { pid: process.pid, hostname: hostname(), boot, namespace, started };
}

/** True only if the process provably is no more: same machine, and either an earlier boot, or no such pid, or a later process under it. */
export function isProvenDead(identity: ProcessIdentity): boolean {
  const own = ownIdentity();
  if (own === undefined || own.hostname !== identity.hostname) return false;
  if (own.boot !== identity.boot) return true;
  if (own.namespace !== identity.namespace) return false;
  return startOf(identity.pid) !== identity.started;
}

/** Start time in clock ticks after boot: field 22 of /proc/PID/stat (proc(5)); undefined if there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, started] = [afterName[0], afterName[19]];
    return state === 'Z' || state === 'X' ? undefined : started;
  } catch {
    return undefined;
  }
}

function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}

function pidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}
