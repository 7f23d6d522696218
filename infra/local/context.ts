import type { ProvisionObserver } from '../driver.ts';
import type { Image } from './image.ts';
import type { Layout, Owner } from './layout.ts';
import type { Acceleration } from './machine/arguments.ts';

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
  /** Aborted, with the reason, by the first resource that could not be made: the engine passes on its text only. */
  readonly unfit: AbortController;
}
