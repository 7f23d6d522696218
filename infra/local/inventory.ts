import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConcreteId, FoundId } from '../driver.ts';
import { findMachines, type FoundMachine } from './bearers.ts';
import { directoryId, diskId, fileId, portId, processId, socketId, stackId } from './ids.ts';
import { isRunId, liveDirectory, type Owner } from '../host/run-folder.ts';
import { layoutOf } from './layout.ts';
import { optionOf, startedAt } from './processes.ts';
import { findStacks } from '../host/stack-files.ts';

/**
 * Everything on this host that carries this installation's label, found by looking: processes in /proc, folders in `live/`,
 * stacks in Pulumi's backend. Knows nothing of manifests, and of nothing that is another installation's.
 */
export async function takeInventory(owner: Owner, runId?: string): Promise<readonly FoundId[]> {
  const wanted = (run: string): boolean => runId === undefined || run === runId;
  const [machines, folders, stacks] = await Promise.all([
    findMachines(owner),
    list(liveDirectory(owner)),
    findStacks(owner),
  ]);
  const ids = await Promise.all([
    ...machines.filter(({ run }) => wanted(run)).map(idsOfMachine),
    ...folders.filter((name) => isRunId(name) && wanted(name)).map((name) => idsOfFolder(owner, name)),
  ]);
  const stackRuns = stacks.map((stack) => stack.slice('run-'.length)).filter(wanted);
  return [...ids.flat(), ...stackRuns.map((run) => ({ ...stackId(owner, `run-${run}`), runId: run }))];
}

/** The forwarded port is in the argument vector of a machine that has one. */
function portOf(argv: readonly string[]): number | undefined {
  const port = /hostfwd=tcp:127\.0\.0\.1:([0-9]{1,5})-:22/.exec(optionOf(argv, '-netdev') ?? '')?.[1];
  return port === undefined ? undefined : Number(port);
}

async function idsOfMachine({ label, run: runId, process }: FoundMachine): Promise<readonly FoundId[]> {
  const port = portOf(process.argv);
  const started = await startedAt(process.startTime);
  const lifetime = /(?:^| )burnbag\.lifetime=([0-9]{1,6})(?: |$)/.exec(optionOf(process.argv, '-append') ?? '')?.[1];
  const found = {
    runId,
    since: started.toISOString(),
    ...(lifetime !== undefined && { deadline: new Date(started.getTime() + Number(lifetime) * 1000).toISOString() }),
  };
  return [
    { ...(await processId(process, label, optionOf(process.argv, '-uuid') ?? '')), ...found },
    ...(port === undefined ? [] : [{ ...portId(port, label), ...found }]),
  ];
}

/** A link in place of the folder is listed as such, and never followed. */
async function idsOfFolder(owner: Owner, runId: string): Promise<readonly FoundId[]> {
  const { directory, disk } = layoutOf(owner, runId);
  const folder = await lstat(directory).catch(() => undefined);
  const names = folder?.isDirectory() === true ? await list(directory) : [];
  const found = { runId, ...(folder !== undefined && { since: folder.birthtime.toISOString() }) };
  const ids = await Promise.all(names.map((name) => idOfEntry(join(directory, name), disk)));
  return [...ids, directoryId(directory)].map((id) => ({ ...id, ...found }));
}

async function idOfEntry(path: string, disk: string): Promise<ConcreteId> {
  if (path === disk) return diskId(path);
  const entry = await lstat(path).catch(() => undefined);
  if (entry?.isSocket() === true) return socketId(path);
  return entry?.isDirectory() === true ? directoryId(path) : fileId(path);
}

/** ENOTDIR: something that is not a run's folder lies there; it is listed as the folder itself. */
async function list(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
