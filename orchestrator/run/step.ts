import type { SandboxDriver } from '../../infra/driver.ts';
import type { Ca } from '../ca/index.ts';
import type { Configuration } from '../configuration.ts';
import type { Places } from '../queue/places.ts';
import type { RelayHost } from '../relay/index.ts';
import type { Policy } from '../policy/profile.ts';
import type { SwapLook } from '../swap.ts';
import type { Journal } from './journal/index.ts';
import type { ActiveState, Next } from './lifecycle.ts';
import type { LiveRun } from './live.ts';
import type { ObserveRun } from './progress.ts';
import type { Run } from './run.ts';
import type { Lifetime } from './lifetime.ts';
import type { Vault } from './vault.ts';

/** Everything a step may touch. Built once, when the data directory is opened. */
export interface Deps {
  readonly home: string;
  /** user@host of this process, for the custody log. */
  readonly requester: string;
  /** Throws HomeLockError (`home_lost`) when the data directory is another process's by now. */
  readonly assertHeld: () => void;
  readonly configuration: Configuration;
  readonly policy: Policy;
  readonly driver: SandboxDriver;
  readonly journal: Journal;
  readonly ca: Ca;
  readonly vault: Vault;
  /** Room for sandboxes, shared by all runs of this process. */
  readonly places: Places;
  /** The way to sandboxes behind the relay host; absent where there is none. */
  readonly relayHost?: RelayHost | undefined;
  /** Whether this host may write memory of a run to a disk, now. */
  readonly lookAtSwap: () => Promise<SwapLook>;
  readonly observe: ObserveRun;
  /** From a grant's seconds; see lifetime.ts. */
  readonly lifetimeOf: (ttlSeconds: number) => Lifetime;
}

/** The work of one state. Must be safe to run again: after a crash, it will be. */
export type Step<S extends ActiveState> = (run: Run, live: LiveRun, deps: Deps) => Promise<Next<S>>;
