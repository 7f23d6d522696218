import { readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { ActionResult } from '../../protocol/answer.ts';
import type { ProcessEntry } from '../../protocol/shapes.ts';
import { failureOf } from '../failure.ts';
import type { Guest } from '../guest.ts';
import type { AuditStatus } from '../spawner/audit-status.ts';
import { askAuditStatus } from '../spawner/client.ts';
import type { Context } from '../action.ts';
import { listProcesses } from '../machine/processes.ts';

type Health = ActionResult<'check_health'>;

/** File systems that a run can fill. */
const DISKS = ['/', '/work', '/tmp'];

/** Tells the state of the machine: clock, memory, disks, its services, and whether what watches it loses nothing. */
export async function run(_args: object, { guest, signal }: Context): Promise<Health> {
  const asked = await askRootHalf(guest, signal);
  const { entries } = listProcesses();
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  const now = guest.now();
  return {
    now_ms: now,
    time: { offset_ms: offsetOf(guest, now, uptime), source: readSource() },
    uptime_seconds: uptime,
    memory: readMemory(),
    disks: DISKS.flatMap((path) => readDisk(guest.root, path)),
    services: {
      sshd: stateOf(entries, 'sshd'),
      auditd: stateOf(entries, 'auditd'),
      syslogd: stateOf(entries, 'syslogd'),
      spawner: asked.isThere ? 'running' : 'stopped',
    },
    audit: auditOf(asked.status, entries),
  };
}

/** What the root half says of the audit, and whether it is there at all. */
async function askRootHalf(guest: Guest, signal: AbortSignal): Promise<{ isThere: boolean; status?: AuditStatus }> {
  try {
    return { isThere: true, status: await askAuditStatus(guest, signal) };
  } catch (error) {
    signal.throwIfAborted();
    return { isThere: failureOf(error).code !== 'SPAWNER_UNAVAILABLE' };
  }
}

/** Any process can have any name: only root's count. */
function stateOf(entries: readonly ProcessEntry[], name: string): 'running' | 'stopped' {
  return entries.some((entry) => entry.uid === 0 && entry.name === name) ? 'running' : 'stopped';
}

/** The kernel knows which process it hands its records to; that one must be there. */
function auditOf(status: AuditStatus | undefined, entries: readonly ProcessEntry[]): Health['audit'] {
  if (status === undefined) return { enabled: null, lost: null, backlog: null, auditd: stateOf(entries, 'auditd') };
  const { enabled, lost, backlog, pid } = status;
  const auditd = stateOf(
    entries.filter((entry) => entry.pid === pid),
    'auditd',
  );
  return { enabled: enabled > 0, lost, backlog, auditd };
}

function offsetOf({ commandLineFile }: Guest, now: number, uptime: number): number | null {
  const told = /(?:^| )burnbag\.now=([0-9]{1,12})(?: |$)/.exec(readFileSync(commandLineFile, 'utf8').trim())?.[1];
  return told === undefined ? null : Math.round(now - 1000 * (Number(told) + uptime));
}

function readSource(): string {
  try {
    return readFileSync('/sys/devices/system/clocksource/clocksource0/current_clocksource', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

function readMemory(): Health['memory'] {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const bytesOf = (name: string): number =>
    1024 * Number(new RegExp(`^${name}: +([0-9]+) kB$`, 'm').exec(text)?.[1] ?? 0);
  return { total_bytes: bytesOf('MemTotal'), available_bytes: bytesOf('MemAvailable') };
}

function readDisk(root: string, path: string): Health['disks'] {
  try {
    const { blocks, bavail, bsize } = statfsSync(join(root, path));
    return [{ path, total_bytes: blocks * bsize, available_bytes: bavail * bsize }];
  } catch {
    return [];
  }
}
