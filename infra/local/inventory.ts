import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConcreteId } from '../driver.ts';
import { directoryId, diskId, fileId, portId, processId, socketId, stackId } from './ids.ts';
import { isRunId, layoutOf, liveDirectory, runOfLabel, type Owner } from './layout.ts';
import { findProcesses, optionOf, type Process } from './processes.ts';
import { findStacks } from './stack-files.ts';

/**
 * Everything on this host that carries this installation's label, found by looking: processes in /proc, folders in `live/`,
 * stacks in Pulumi's backend. Knows nothing of manifests, and of nothing that is another installation's.
 */
export async function takeInventory(owner: Owner, runId?: string): Promise<readonly ConcreteId[]> {
  const wanted = (run: string | undefined): run is string =>
    run !== undefined && (runId === undefined || run === runId);
  const [machines, folders, stacks] = await Promise.all([
    findMachines(owner),
    list(liveDirectory(owner)),
    findStacks(owner),
  ]);
  const ids = await Promise.all([
    ...machines.filter(({ run }) => wanted(run)).map(idsOfMachine),
    ...folders.filter((name) => isRunId(name) && wanted(name)).map((name) => idsOfFolder(owner, name)),
  ]);
  return [
    ...ids.flat(),
    ...stacks.filter((stack) => wanted(stack.slice('run-'.length))).map((stack) => stackId(owner, stack)),
  ];
}

/** A live process of this installation and the run it belongs to. */
export interface FoundMachine {
  readonly run: string;
  readonly label: string;
  readonly process: Process;
}

/** QEMU processes that carry this installation's label. */
export async function findMachines(owner: Owner): Promise<readonly FoundMachine[]> {
  const runOf = (argv: readonly string[]): string | undefined => runOfLabel(owner, optionOf(argv, '-name') ?? '');
  const processes = await findProcesses((argv) => runOf(argv) !== undefined);
  return processes.map((process) => ({
    run: runOf(process.argv) ?? '',
    label: optionOf(process.argv, '-name') ?? '',
    process,
  }));
}

/** The forwarded port is in the argument vector; see machine/arguments.ts. */
export function portOf(argv: readonly string[]): number | undefined {
  const port = /hostfwd=tcp:127\.0\.0\.1:([0-9]{1,5})-:22/.exec(optionOf(argv, '-netdev') ?? '')?.[1];
  return port === undefined ? undefined : Number(port);
}

async function idsOfMachine({ label, process }: FoundMachine): Promise<readonly ConcreteId[]> {
  const port = portOf(process.argv);
  return [
    await processId(process, label, optionOf(process.argv, '-uuid') ?? ''),
    ...(port === undefined ? [] : [portId(port, label)]),
  ];
}

async function idsOfFolder(owner: Owner, runId: string): Promise<readonly ConcreteId[]> {
  const { directory, disk } = layoutOf(owner, runId);
  const names = await list(directory);
  const ids = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      if (path === disk) return diskId(path);
      const entry = await lstat(path).catch(() => undefined);
      if (entry?.isSocket() === true) return socketId(path);
      return entry?.isDirectory() === true ? directoryId(path) : fileId(path);
    }),
  );
  return [...ids, directoryId(directory)];
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
