import type { ConcreteId } from '../driver.ts';
import { DriverError } from '../error.ts';
import { findBearers } from './bearers.ts';
import type { Owner } from '../host/run-folder.ts';
import { notOfRun, removeFolder, unlinkOwn } from '../host/delete.ts';
import { type Layout } from './layout.ts';
import { lookUp, optionOf, readBootId, waitUntilGone, type Process } from './processes.ts';
import { removeStackTraces } from '../host/stack-files.ts';

/**
 * Deletes one id of a run without Pulumi and says how. Succeeds when it is gone already. Refuses what is not this run's:
 * a manifest is data, and a path or a pid in it must not reach anything else.
 */
export async function deleteDirectly(owner: Owner, layout: Layout, id: ConcreteId): Promise<string> {
  switch (id.kind) {
    case 'process':
      return killRecorded(layout, id);
    case 'disk':
    case 'file':
    case 'socket':
      return unlinkOwn(layout, id.id);
    case 'directory':
      return removeFolder(layout, id.id);
    case 'stack':
      if (id.id !== layout.stack) throw notOurs(layout, id.id);
      await removeStackTraces(owner, id.id);
      return 'remove state';
    case 'port':
      await killByLabel(layout);
      return 'kill';
    default:
      throw notOurs(layout, `${id.kind} ${id.id}`);
  }
}

/** Ends every process that carries the run's label, recorded or not. */
export async function killByLabel(layout: Layout): Promise<number> {
  const bearers = await findBearers(layout);
  await Promise.all(bearers.map((bearer) => kill(bearer)));
  return bearers.length;
}

/** How long a killed process may take to be gone: it frees its memory first. */
const KILL_LIMIT_MS = 5_000;

/** By pid and start time; one that is recorded by its label only is found by it. The label is asked again right before the signal. */
async function killRecorded(layout: Layout, { detail }: ConcreteId): Promise<string> {
  const { pid, start_time: startTime, boot_id: bootId, label } = detail;
  if (label !== layout.label) throw notOurs(layout, `a process labelled ${String(label)}`);
  if (pid === undefined || startTime === undefined) {
    await killByLabel(layout);
    return 'kill';
  }
  const process = await lookUp(Number(pid));
  if (process?.startTime !== startTime || (bootId !== undefined && bootId !== (await readBootId())))
    return 'already gone';
  if (process.argv.length > 0 && optionOf(process.argv, '-name') !== layout.label)
    throw notOurs(layout, `process ${pid}`);
  await kill(process);
  return 'kill';
}

async function kill(target: Process): Promise<void> {
  try {
    process.kill(target.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  if (await waitUntilGone(target, KILL_LIMIT_MS)) return;
  throw new DriverError('not_deleted', {
    expected: `process ${target.pid} to end within ${KILL_LIMIT_MS / 1000} s of SIGKILL`,
    got: 'it still lives',
    hint: 'it may hang in the kernel; the run stays quarantined until it is gone',
  });
}

function notOurs({ label }: Layout, got: string): DriverError {
  return notOfRun(label, got);
}
