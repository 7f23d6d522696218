import { readFile, stat } from 'node:fs/promises';
import { type Owner } from '../host/run-folder.ts';
import { runOfLabel, type Layout } from './layout.ts';
import { chooseUid } from './machine/identity.ts';
import { findProcesses, optionOf, type Process } from './processes.ts';

/** A live process of this installation and the run it belongs to. */
export interface FoundMachine {
  readonly run: string;
  readonly label: string;
  readonly process: Process;
}

/**
 * Every machine of this installation. Its label must be one of ours, and it must run as somebody we start machines as: anybody may give a
 * process of his a name of ours, and it is still his.
 */
export async function findMachines(owner: Owner): Promise<readonly FoundMachine[]> {
  const runOf = ({ argv }: Pick<Process, 'argv'>): string => runOfLabel(owner, optionOf(argv, '-name') ?? '') ?? '';
  const found = await findProcesses((argv) => runOf({ argv }) !== '');
  const describe = (process: Process): FoundMachine => {
    return { run: runOf(process), label: optionOf(process.argv, '-name') ?? '', process };
  };
  return ofUsers(found, await usersOf(owner.home), describe);
}

/** Every process that is the machine of this run: one, unless something went wrong. */
export async function findBearers({ label, runId, home }: Layout): Promise<readonly Process[]> {
  const found = await findProcesses((argv) => optionOf(argv, '-name') === label);
  return ofUsers(found, await usersOf(home), (process) => ({ run: runId, process })).map(({ process }) => process);
}

/** Us, whoever the data directory belongs to, and the user that a run's machine gets where we are root. */
interface Users {
  readonly ids: ReadonlySet<number>;
  readonly map: string | undefined;
}

async function usersOf(home: string): Promise<Users> {
  const us = process.getuid?.() ?? 0;
  const { uid } = await stat(home).catch(() => ({ uid: us }));
  return { ids: new Set([us, uid]), map: us === 0 ? await readFile('/proc/self/uid_map', 'utf8') : undefined };
}

function ofUsers<F extends { readonly run: string; readonly process: Process }>(
  processes: readonly Process[],
  { ids, map }: Users,
  describe: (process: Process) => F,
): readonly F[] {
  const isOurs = ({ run, process: { uid } }: F): boolean =>
    ids.has(uid) || (map !== undefined && uid === chooseUid(run, map));
  return processes.map(describe).filter(isOurs);
}
