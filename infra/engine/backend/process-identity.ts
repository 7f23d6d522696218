import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

/**
 * Identifies a process beyond its pid: a pid is reused, means another process in another pid namespace or on another
 * machine, and nothing after a reboot. `machine` is '' where the machine has no id (machine-id(5)).
 */
export const processIdentitySchema = z.object({
  pid: z.number().int().positive(),
  hostname: z.string().min(1),
  machine: z.string(),
  boot: z.string().min(1),
  namespace: z.string().min(1),
  started: z.string().min(1),
});

export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** This process, or undefined where /proc cannot tell. */
export function ownIdentity(): ProcessIdentity | undefined {
  const started = statOf(process.pid)?.started;
  const [boot, namespace] = [textOf('/proc/sys/kernel/random/boot_id'), pidNamespace()];
  if (started === undefined || boot === undefined || namespace === undefined) return undefined;
  const machine = textOf('/etc/machine-id') ?? '';
  return { pid: process.pid, hostname: hostname(), machine, boot, namespace, started };
}

/**
 * True only if the process provably is no more: in this boot of this machine there is no such pid, or another process
 * under it; or it was an earlier boot. Machines that share a folder and a host name do not share their id.
 */
export function isProvenDead(identity: ProcessIdentity): boolean {
  const own = ownIdentity();
  if (own?.hostname !== identity.hostname || own.machine !== identity.machine) return false;
  if (own.boot !== identity.boot) return own.machine !== '';
  if (own.namespace !== identity.namespace) return false;
  const stat = statOf(identity.pid);
  if (stat === undefined) return !exists(identity.pid);
  return stat.started !== identity.started || ENDED.has(stat.state);
}

/** States of a process that has ended and only waits to be reaped (proc(5)). */
const ENDED: ReadonlySet<string> = new Set(['Z', 'X', 'x']);

/** State, and start time in clock ticks after boot: fields 3 and 22 of /proc/PID/stat; undefined if it cannot be seen. */
function statOf(pid: number): { readonly state: string; readonly started: string } | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  const [state, started] = [0, 19].map((field) => stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[field]);
  return state === undefined || started === undefined ? undefined : { state, started };
}

/** /proc may hide other users' processes (hidepid); the kernel still tells "no such process" from "not yours". */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
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
