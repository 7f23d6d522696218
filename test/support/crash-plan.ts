import type { FailpointName } from '../../orchestrator/run/failpoint.ts';
import type { FakeMachinePlan } from './fake-machine-plan.ts';
import type { ChainedRun } from './scanner.ts';

/** The file in a data directory that takes what was free. */
export const FILLER = 'filler';

/** What one process of a crash test is to do, and what is to go wrong in it. Its only argument, as JSON. */
export interface CrashPlan {
  readonly home: string;
  readonly databaseUrl?: string;
  /**
   * run      conducts one detonation;
   * recover  sweeps once, as the reaper does;
   * cli      runs one command line of the product.
   */
  readonly do: 'run' | 'recover' | 'cli';
  readonly argv?: readonly string[];
  readonly fault?: Fault;
  /** `local`: real machines, the product's own driver. */
  readonly driver?: 'fake' | 'local';
  /** Names this process in the manifest of ids as its machine, by its pid before the host's last reboot. */
  readonly stalePid?: number;
  /** Answers on the control socket, as the owner of a data directory does. */
  readonly control?: boolean;
  readonly machine: FakeMachinePlan;
  /** Ends machines with their owner, as the product does. */
  readonly boundToOwner?: boolean;
  /** Seconds after which a guest ends itself, and after which its orchestrator ends it; the product's own where absent. */
  readonly lifetime?: { readonly guestSeconds: number; readonly haltSeconds: number };
  /** How long a command waits for an owner that does not answer; the product's own where absent. */
  readonly patienceMs?: number;
  /** Where the host's /proc/swaps is; the real one where absent. */
  readonly hostRoot?: string;
  /** What is added to the clock of this process, in seconds. */
  readonly clockSeconds?: number;
}

/** One thing that goes wrong at a step. */
export interface Fault {
  readonly step: FailpointName;
  readonly when: 'before' | 'after';
  /**
   * `kill` and `stop` are signals to this process; `fill` leaves its disk without a free byte; `ask` waits until its parent has done something
   * and writes a line. The others are thrown. Once, or as often as `times` says.
   */
  readonly how: 'kill' | 'stop' | 'fill' | 'ask' | 'ENOSPC' | 'EIO' | 'unavailable';
  readonly times?: number;
}

/** A line that such a process prints. */
export type CrashEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'run'; readonly runId: string }
  | { readonly type: 'stopping' }
  | { readonly type: 'asking' }
  | { readonly type: 'notice'; readonly text: string }
  | {
      readonly type: 'ended';
      readonly state: string;
      readonly outcome: string | null;
      readonly failures: readonly string[];
    }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'dump'; readonly runs: readonly DumpedRun[] };

/** What the journal has of a run, for somebody who trusts nobody's judgement of it. */
export interface DumpedRun extends ChainedRun {
  readonly outcome?: string;
  readonly ids: readonly {
    readonly kind: string;
    readonly id: string;
    readonly recordedAt: string;
    readonly gone?: unknown;
  }[];
  readonly serials: readonly string[];
  readonly actions: readonly { readonly requestId: number; readonly action: string; readonly state: string }[];
  /** What its result tells the caller; absent where it has none. */
  readonly result?: { readonly unknown_actions: readonly { readonly request_id: number; readonly action: string }[] };
}
