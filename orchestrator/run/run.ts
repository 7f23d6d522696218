import type { Outcome, RunState } from './lifecycle.ts';

/** One task in one sandbox, from request to burned, as the journal has it. A value: moving a run returns the next one. */
export interface Run {
  /** 12 lowercase hex digits, ours. */
  readonly runId: string;
  /** The caller's name for the task. */
  readonly taskId: string;
  readonly requester: string;
  readonly profile: string;
  readonly state: RunState;
  /** How it went; absent until it is known. */
  readonly outcome?: Outcome;
  /** Why the last move that gave a reason was made. */
  readonly why?: string;
  /** ISO 8601, milliseconds, UTC; so are all times of the journal. */
  readonly createdAt: string;
  readonly movedAt: string;
  /** When it entered a terminal state. */
  readonly endedAt?: string;
  /** JSON as it was stored; whoever stored it knows its shape and parses it. */
  readonly request: unknown;
  readonly sandbox?: unknown;
  readonly result?: unknown;
  /** Counts the moves, the creation being the first. A move names the version it was decided on. */
  readonly version: number;
  /** Hash of the run's last transition: every later one is chained to it. */
  readonly chainHead: string;
  /** The data directory that conducts it, where several share a journal; nobody else changes anything of it. */
  readonly holder?: string;
}
