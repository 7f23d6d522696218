import type { CrashPlan } from '../support/crash-plan.ts';
import type { StoreFault } from './faulty-store.ts';
import type { Given } from './place.ts';

type Started = Omit<CrashPlan, Given | 'do'> & {
  readonly machine?: CrashPlan['machine']['misbehave'];
};

/** One cell of the matrix: a step, what goes wrong there, and what then happens before somebody recovers. */
export interface Cell {
  readonly step: string;
  readonly fault: string;
  /** The process that conducts the run. */
  readonly run: Started;
  /** Recoveries that are disturbed themselves, before the one that is not. */
  readonly recoveries?: readonly Started[];
  /** The last recovery's own circumstances. */
  readonly recovery?: Started;
  /** Plays it on real machines. */
  readonly driver?: 'local';
  /** The signal that the machine gets when the first process asks. */
  readonly machineGets?: 'SIGKILL' | 'SIGTERM';
  /** What the archive does to uploads. */
  readonly store?: StoreFault;
  /** A data directory with a file system of its own of this size; whatever fills it is taken away before the recovery. */
  readonly sizeMiB?: number;
  /** Whether the host reboots before the recovery: no machine is left, and every pid is somebody else's. */
  readonly reboot?: true;
  /** Whether the first process must have been killed: a fault that never struck would prove nothing. */
  readonly mustDie?: boolean;
  /** A first process that stops itself, and goes on after so many seconds; meanwhile another comes, to a data directory whose lock is there or was taken. */
  readonly sleeps?: Sleep;
}

export interface Sleep {
  readonly seconds: number;
  readonly isRobbed: boolean;
}

/** What came of it. */
export interface CellResult {
  readonly step: string;
  readonly fault: string;
  /** How the first process ended. */
  readonly ended: string;
  /** What of the sandbox was there then. */
  readonly remnants: number;
  /** How the run ended, e.g. `destroyed, interrupted`. */
  readonly outcome: string;
  /** From the start of the recovering process to its end. */
  readonly recoveryMs: number;
  readonly violations: readonly string[];
  /** How it went each time that its fault never struck, and it was played again. */
  readonly misses: readonly string[];
}
