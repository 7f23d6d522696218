import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, GrantedAction } from '../../executor/protocol/index.ts';
import type { Sandbox } from '../../infra/driver.ts';
import type { TaskCertificate } from '../ca/index.ts';
import {
  type ArchiveRecord,
  type Capture,
  Following,
  type FollowOptions,
  type Seal,
  type Stamped,
  type StreamEnding,
} from '../evidence/index.ts';
import type { Place } from '../queue/places.ts';
import type { LogStream, Session, SessionEnd } from '../relay/index.ts';
import { explain, type Explained } from '../errors.ts';
import type { Report } from '../report/index.ts';
import type { AppendLog } from './append-log.ts';
import { openChainedLog } from './chained-log.ts';
import type { Outcome } from './lifecycle.ts';
import type { Phase } from './progress.ts';
import type { RunRequest } from './request.ts';

export type CancelReason = 'cancelled' | 'timed_out';

export interface Granted {
  readonly actions: readonly GrantedAction[];
  readonly ttlSeconds: number;
}

export interface Burn {
  readonly ids: number;
  readonly notGone: readonly { readonly kind: string; readonly id: string; readonly why: string }[];
  readonly receipt: string | null;
  readonly receiptArchived: boolean;
}

/** A timestamp over the seal, or why there is none. */
export type Stamp = Stamped | { readonly why: string };

/** Bytes that a stream of the guest must still bring, for they were made: in the end it holds them, or waiting is given up. */
export type StillToCome = Readonly<Partial<Record<'audit' | 'sshd', Buffer | undefined>>>;

/** Where runs live. */
export interface LiveRunPlace {
  readonly home: string;
  /** Throws when the data directory is somebody else's by now: then the run's logs take nothing any more. */
  readonly assertHeld: () => void;
}

/** What exists only while this process conducts the run: the connection, answers, timers. A crash loses it, and that is safe. */
export class LiveRun {
  readonly runId: string;
  /** Absent when the run was taken up after a crash: then nothing is left to execute. */
  readonly request: RunRequest | undefined;
  /** Where the run's evidence grows; it is kept. */
  readonly folder: string;
  readonly logs: { readonly relay: AppendLog; readonly engine: AppendLog; readonly provider: AppendLog };
  readonly answers: Answer[] = [];
  readonly phases: { readonly phase: Phase; readonly duration_ms: number }[] = [];
  readonly failures: Explained[] = [];
  /** When the request came, and when each action was sent (performance.now()). */
  readonly startedAt = performance.now();
  readonly sentAt = new Map<number, number>();
  granted: Granted | undefined;
  /** Its room among the sandboxes; given back when nobody conducts the run any more, quarantined or not. */
  place: Place | undefined;
  sandbox: Sandbox | undefined;
  certificate: TaskCertificate | undefined;
  /** Keeps what crosses the machine's cable, from its first frame. */
  capture: Capture | undefined;
  /** Takes the provider's calls once the evidence is sealed. */
  onLateCall: ((call: object) => void) | undefined;
  /** How the guest's own log file came out, once it was asked for. */
  fetched: StreamEnding | undefined;
  /** What must still come out of the guest: the last record of that file, and sshd's of the login that fetched it. */
  awaited: StillToCome = {};
  #following: Following | undefined;
  readonly #assertHeld: () => void;
  session: Session | undefined;
  /** Where the relay copies the guest's logs out. */
  readonly logStreams: LogStream[] = [];
  #interruption: string | undefined;
  sessionEnd: SessionEnd | undefined;
  /** Where tunnels may lead, and the doors that are open to them by destination. */
  tunnels: readonly string[] = [];
  readonly tunnelDoors = new Map<string, Promise<void>>();
  report: Report | null = null;
  evidence: { readonly seal: Seal; readonly record: ArchiveRecord | null } | undefined;
  /** What came of asking for a timestamp; null where nobody is configured for it, undefined where it was not asked by this process. */
  stamp: Stamp | null | undefined;
  burn: Burn | undefined;
  /** When the work of the phase `executed` began (performance.now()). */
  executedSince: number | undefined;
  readonly #controller = new AbortController();
  #cancelled: CancelReason | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #halt: NodeJS.Timeout | undefined;

  constructor({ home, assertHeld }: LiveRunPlace, runId: string, request?: RunRequest) {
    this.runId = runId;
    this.request = request;
    this.folder = join(home, 'runs', runId);
    this.#assertHeld = assertHeld;
    const open = (name: string) => openLog(this.folder, () => openChainedLog(join(this.folder, name), assertHeld));
    this.logs = {
      relay: open('relay.ndjson'),
      engine: open('engine.ndjson'),
      provider: open('provider.ndjson'),
    };
  }

  /** Aborts when the run is cancelled or reaches its deadline. Sealing and destruction never listen to it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops whatever the run is doing; it still collects, seals and burns. The first reason stands. */
  cancel(reason: CancelReason): void {
    this.#cancelled ??= reason;
    this.#controller.abort(new Error(reason));
  }

  /** Cancels at the grant's expiry: expiry alone ends no SSH session. */
  expireAt(atMs: number): void {
    this.#expiry = setTimeout(() => {
      this.cancel('timed_out');
    }, atMs - Date.now());
    this.#expiry.unref();
  }

  /** Ends the machine so many seconds from now, whatever the run is doing then, and cancels what it still does. */
  haltAfter(seconds: number, halt: () => Promise<void>): void {
    this.#halt = setTimeout(() => {
      this.cancel('timed_out');
      void halt();
    }, seconds * 1000);
    this.#halt.unref();
  }

  /** Lets go of a run that nobody here conducts any more: its session ends at once. */
  abandon(error: unknown): void {
    this.#controller.abort(error);
  }

  /** Keeps what the guest writes, from before it is booted. */
  follow(find: FollowOptions['find']): Following {
    this.#following ??= new Following({ dir: this.folder, find, fence: this.#assertHeld });
    return this.#following;
  }

  /** The control plane took the machine away, and says why. */
  interrupted(why: string): void {
    this.#interruption = why;
  }

  fail(error: unknown): void {
    this.failures.push(explain(error));
  }

  /** Notes how long a phase took. */
  end(phase: Phase, since: number): { readonly runId: string; readonly phase: Phase; readonly durationMs: number } {
    const durationMs = Math.round(performance.now() - since);
    this.phases.push({ phase, duration_ms: durationMs });
    return { runId: this.runId, phase, durationMs };
  }

  /** How the run went as far as this process saw it; undefined when it saw nothing yet. */
  outcome(): Outcome | undefined {
    if (this.#cancelled !== undefined) return this.#cancelled;
    if (this.#interruption !== undefined) return 'interrupted';
    if (this.failures.length > 0) return 'failed';
    if (this.request === undefined) return 'interrupted';
    return this.answers.length === 0 ? undefined : judge(this.answers, this.request.actions.length);
  }

  /** Removes the folder of a run that was refused: nothing happened, so there is no evidence. Call after `close`. */
  discard(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Lets go of files and timers. */
  async close(): Promise<void> {
    clearTimeout(this.#expiry);
    clearTimeout(this.#halt);
    this.place?.giveBack();
    await this.#following?.abandon();
    this.capture?.close();
    for (const log of Object.values(this.logs)) log.close();
  }
}

/** A log that cannot be opened takes no record, so nothing that must be recorded happens; burning needs none, and goes on. */
function openLog(folder: string, open: () => AppendLog): AppendLog {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return open();
  } catch (error) {
    return {
      append() {
        throw error;
      },
      close: () => undefined,
    };
  }
}

function judge(answers: readonly Answer[], asked: number): Outcome {
  const scripts = answers.flatMap((one) => (one.status === 'ok' && one.action === 'run_script' ? [one.result] : []));
  if (scripts.some((script) => script.timed_out)) return 'timed_out';
  const complete = answers.length === asked && answers.every((one) => one.status === 'ok');
  return complete && scripts.every((script) => script.exit_code === 0) ? 'succeeded' : 'failed';
}
