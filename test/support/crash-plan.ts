import type { FailpointName } from '../../orchestrator/run/failpoint.ts';
import type { FakeMachinePlan } from './fake-machine-plan.ts';

/** What one process of a crash test is to do, and what is to go wrong in it. Its only argument, as JSON. */
export interface CrashPlan {
  readonly home: string;
  /**
   * run      conducts one detonation;
   * recover  sweeps once, as the reaper does;
   * cli      runs one command line of the product.
   */
  readonly do: 'run' | 'recover' | 'cli';
  readonly argv?: readonly string[];
  readonly fault?: Fault;
  /** Answers on the control socket, as the owner of a data directory does. */
  readonly control?: boolean;
  readonly machine: FakeMachinePlan;
  /** Ends machines with their owner, as the product does. */
  readonly boundToOwner?: boolean;
  /** What is added to the clock of this process, in seconds. */
  readonly clockSeconds?: number;
}

/** One thing that goes wrong at a step. */
export interface Fault {
  readonly step: FailpointName;
  readonly when: 'before' | 'after';
  /** `kill` and `stop` are signals to this process; the others are thrown, once, or as often as `times` says. */
  readonly how: 'kill' | 'stop' | 'ENOSPC' | 'EIO' | 'unavailable';
  readonly times?: number;
}

/** A line that such a process prints. */
export type CrashEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'run'; readonly runId: string }
  | { readonly type: 'stopping' }
  | { readonly type: 'ended'; readonly state: string; readonly outcome: string | null }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'dump'; readonly runs: readonly DumpedRun[] };

/** What the journal has of a run, for somebody who trusts nobody's judgement of it. */
export interface DumpedRun {
  readonly runId: string;
  readonly state: string;
  readonly outcome?: string;
  readonly chainHead: string;
  readonly transitions: readonly {
    readonly seq: number;
    readonly from?: string;
    readonly to: string;
    readonly outcome?: string;
    readonly why?: string;
    readonly at: string;
    readonly previous: string;
    readonly hash: string;
  }[];
  readonly ids: readonly {
    readonly kind: string;
    readonly id: string;
    readonly recordedAt: string;
    readonly gone?: unknown;
  }[];
  readonly serials: readonly string[];
  readonly actions: readonly { readonly requestId: number; readonly action: string; readonly state: string }[];
}
