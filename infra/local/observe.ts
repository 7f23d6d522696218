import { lstat } from 'node:fs/promises';
import { DriverError } from '../error.ts';
import type { ConcreteId } from '../driver.ts';
import type { Owner } from './layout.ts';
import { findListener } from './listeners.ts';
import { findProcesses, lookUp, optionOf, readBootId } from './processes.ts';
import { stackTraces } from './stack-files.ts';

/** What one look at one id found, and by what means. */
export interface Look {
  readonly state: 'present' | 'gone';
  readonly means: string;
}

/**
 * Asks the host, never our own state, whether an id still exists. Only a plain "there is none" counts as gone;
 * everything else that keeps us from knowing is thrown as `cannot_tell`.
 */
export async function look(owner: Owner, id: ConcreteId): Promise<Look> {
  try {
    return await LOOKS[id.kind](id, owner);
  } catch (cause) {
    if (cause instanceof DriverError) throw cause;
    throw new DriverError(
      'cannot_tell',
      {
        expected: `to learn whether ${id.kind} ${id.id} exists`,
        got: cause instanceof Error ? cause.message : String(cause),
        hint: 'mend what kept us from looking, then burn the run again',
      },
      { cause },
    );
  }
}

type LookAt = (id: ConcreteId, owner: Owner) => Promise<Look>;

/** One row per kind. Kinds of other drivers are refused: this host cannot know of them. */
const LOOKS: Readonly<Record<ConcreteId['kind'], LookAt>> = {
  process: lookAtProcess,
  disk: lookAtPath,
  socket: lookAtPath,
  file: lookAtPath,
  directory: lookAtPath,
  port: lookAtPort,
  stack: async (id, owner) =>
    found((await stackTraces(owner, id.id)).length > 0, "files of the stack in the backend's folders"),
  instance: refuse,
  volume: refuse,
  interface: refuse,
  'security-group': refuse,
  address: refuse,
};

/** A process is known by its pid and start time, or, before it had any, by its label. */
async function lookAtProcess({ detail }: ConcreteId): Promise<Look> {
  const { pid, start_time: startTime, boot_id: bootId, label } = detail;
  if (pid === undefined || startTime === undefined) {
    const bearers = await findProcesses((argv) => label !== undefined && optionOf(argv, '-name') === label);
    return found(bearers.length > 0, `-name ${String(label)} in /proc/*/cmdline`);
  }
  if (bootId !== undefined && bootId !== (await readBootId())) return found(false, 'the host has rebooted since');
  return found((await lookUp(Number(pid)))?.startTime === startTime, `/proc/${pid}/stat, start time ${startTime}`);
}

async function lookAtPath({ id }: ConcreteId): Promise<Look> {
  try {
    await lstat(id);
    return found(true, 'lstat');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return found(false, 'lstat: ENOENT');
    throw error;
  }
}

/** A port is ours while the process that listens on it carries the run's label; somebody else may have it since. */
async function lookAtPort({ detail }: ConcreteId): Promise<Look> {
  const listener = await findListener(Number(detail['port']));
  if (listener === undefined) return found(false, 'no listener in /proc/net/tcp');
  const ours = optionOf(listener.argv, '-name') === detail['label'];
  return found(
    ours,
    `listener in /proc/net/tcp is process ${listener.pid}, ${ours ? 'this machine' : 'not this machine'}`,
  );
}

function refuse({ kind, id }: ConcreteId): never {
  throw new DriverError('cannot_tell', {
    expected: 'an id of the local driver',
    got: `${kind} ${id}`,
    hint: 'this id belongs to another driver',
  });
}

function found(present: boolean, means: string): Look {
  return { state: present ? 'present' : 'gone', means };
}
