import { readdir, readlink } from 'node:fs/promises';
import { findBearers } from '../bearers.ts';
import { type Owner } from '../../host/run-folder.ts';
import { layoutOf, runOfLabel, type Layout } from '../layout.ts';
import { lookUp, readBootId } from '../processes.ts';
import { found, type LookAt } from '../../host/looks/found.ts';

/** Asks for the very process: pid and start time together are never reused within one boot of the host. */
export const lookAtPid: LookAt = async ({ detail }) => {
  const { pid, start_time: startTime, boot_id: bootId } = detail;
  if (bootId !== undefined && bootId !== (await readBootId())) return found(false, 'the host has rebooted since');
  return found((await lookUp(Number(pid)))?.startTime === startTime, `/proc/${pid}/stat, start time ${startTime}`);
};

/** Reads every process's argument vector. */
export const lookForLabel: LookAt = async ({ detail }, owner) => {
  const layout = layoutOfLabel(owner, detail['label']);
  return found((await findBearers(layout)).length > 0, `-name ${layout.label} in /proc/*/cmdline`);
};

/** Reads what every process has open: only a machine opens the scratch disk, and has it still when it is deleted. */
export const lookForOpenDisk: LookAt = async ({ detail }, owner) => {
  const { disk } = layoutOfLabel(owner, detail['label']);
  const pids = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid);
  const holders = await Promise.all(pids.map((pid) => holds(pid, disk)));
  return found(holders.includes(true), 'holder of the scratch disk in /proc/*/fd');
};

function layoutOfLabel(owner: Owner, label: string | undefined): Layout {
  const runId = runOfLabel(owner, label ?? '');
  if (runId === undefined) throw new Error(`expected a label of this installation, got ${String(label)}`);
  return layoutOf(owner, runId);
}

/** Processes of other users cannot be looked into, and are none of ours; one that ends meanwhile holds nothing. */
async function holds(pid: string, path: string): Promise<boolean> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  return targets.some((target) => target === path || target === `${path} (deleted)`);
}
