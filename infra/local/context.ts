import type { ProvisionObserver } from '../driver.ts';
import type { Image } from './image.ts';
import type { Owner } from '../host/run-folder.ts';
import type { Layout } from './layout.ts';
import type { Acceleration } from './machine/arguments.ts';
import type { MachineEnd, RunningMachine } from './machine/spawn.ts';
import type { Wire } from './wire/wire.ts';

/**
 * What the resources of one run share besides their inputs. Lives in this process only: the scratch disk's key is in no state,
 * no event and no log, and a signal or an observer could not be written down at all.
 */
export interface RunContext {
  readonly owner: Owner;
  readonly layout: Layout;
  readonly observer: ProvisionObserver;
  readonly signal: AbortSignal;
  readonly image: Image;
  readonly acceleration: Acceleration;
  readonly now: () => Date;
  /** Set by the disk, read by the machine. */
  scratchKey: string | undefined;
  /** Set by the machine as soon as there is one. */
  machine: RunMachine | undefined;
  /** Aborted, with the reason, by the first resource that could not be made: the engine passes on its text only. */
  readonly unfit: AbortController;
}

/** A QEMU this process started, and the other end of its cable. */
export interface RunMachine extends Pick<RunningMachine, 'process' | 'network'> {
  readonly machineId: string;
  readonly wire: Wire;
  /** How it ended, once it has. */
  readonly end: () => MachineEnd | undefined;
}
