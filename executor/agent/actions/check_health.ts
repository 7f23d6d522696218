import { readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { ActionResult } from '../../protocol/answer.ts';
import type { Context } from './action.ts';
import { listProcesses } from './list_processes.ts';

/** File systems that a run can fill. */
const DISKS = ['/', '/work', '/tmp'];

/** Tells the state of the machine: clock, memory, disks, and whether what watches it is running. */
export function checkHealth(_args: object, { guest }: Context): ActionResult<'check_health'> {
  const names = new Set(listProcesses().entries.map(({ name }) => name));
  return {
    now_ms: guest.now(),
    uptime_seconds: Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]),
    memory: readMemory(),
    disks: DISKS.flatMap((path) => readDisk(guest.root, path)),
    services: { sshd: names.has('sshd') ? 'running' : 'stopped', auditd: names.has('auditd') ? 'running' : 'stopped' },
    audit: { enabled: null, lost: null, backlog: null },
  };
}

function readMemory(): ActionResult<'check_health'>['memory'] {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const bytesOf = (name: string): number =>
    1024 * Number(new RegExp(`^${name}: +([0-9]+) kB$`, 'm').exec(text)?.[1] ?? 0);
  return { total_bytes: bytesOf('MemTotal'), available_bytes: bytesOf('MemAvailable') };
}

function readDisk(root: string, path: string): ActionResult<'check_health'>['disks'] {
  try {
    const { blocks, bavail, bsize } = statfsSync(join(root, path));
    return [{ path, total_bytes: blocks * bsize, available_bytes: bavail * bsize }];
  } catch {
    return [];
  }
}
