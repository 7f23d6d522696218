import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { explain, RequestError } from './errors.ts';
import { conduct, takeUp } from './run/conduct.ts';
import { describeRun } from './run/describe.ts';
import { isTerminal } from './run/lifecycle.ts';
import { LiveRun } from './run/live.ts';
import { writeRunMetrics } from './run/metrics.ts';
import { archivePending } from './run/archive-pending.ts';
import { nextTry } from './run/reap/back-off.ts';
import type { OwedEvidence, SweepReport } from './run/reap/report.ts';
import { type Crew, standingOf } from './run/reap/standing.ts';
import { sweep, type SweepOrder } from './run/reap/sweep.ts';
import { openDeps, type OpenDeps, type OpenFor } from './run/open-deps.ts';
import type { ObserveRun } from './run/progress.ts';
import { newRun, scriptDigest, type RunRequest } from './run/request.ts';
import type { Run } from './run/run.ts';
import type { Deps } from './run/step.ts';
import type { RunSummary } from './run/summary.ts';
import { openTunnelDoor, type TunnelDoor } from './run/tunnel-door.ts';

/** Opens the data directory. Rejects with HomeLockError when another process works on it. */
export async function openOrchestrator(
  environment: Environment,
  configuration: Configuration,
  purpose: OpenFor,
): Promise<Orchestrator> {
  return new Orchestrator(await openDeps(environment, configuration, purpose));
}

/** What is just being put into the archive is let finish; then the connection is closed over it, and the rest stays owed. */
const ARCHIVING_GRACE_MS = 5_000;

/** An opened data directory: the only process that may change anything in it. */
export class Orchestrator implements AsyncDisposable {
  readonly deps: Deps;
  readonly #opened: OpenDeps;
  readonly #live = new Map<string, { readonly run: LiveRun; readonly done: Promise<Run> }>();
  /** Runs this process has begun: nobody may take them for abandoned, from before the journal knows them. */
  readonly #begun = new Set<string>();
  #takenUp: Promise<readonly Run[]> | undefined;
  #archiving: Promise<unknown> | undefined;
  readonly #closing = new AbortController();

  constructor(opened: OpenDeps) {
    this.#opened = opened;
    this.deps = opened.deps;
  }

  /** Takes a request through its whole life. Resolves when the run has ended, however it went; rejects only when it could not be stored. */
  async conduct(request: RunRequest, observe: ObserveRun, signal: AbortSignal): Promise<RunSummary> {
    await this.takeUpUnfinished(observe);
    const runId = randomBytes(6).toString('hex');
    this.#begun.add(runId);
    const run = await this.deps.journal.createRun(newRun(runId, request));
    observe({ type: 'admitted', runId, label: request.label, ...scriptDigest(request) });
    const live = new LiveRun(this.deps, runId, request);
    const abort = () => {
      live.cancel('cancelled');
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      return describeRun(await this.#track(live, () => conduct(run, live, { ...this.deps, observe })));
    } finally {
      signal.removeEventListener('abort', abort);
      this.#begun.delete(runId);
    }
  }

  /** Finds and burns what is left of runs that nobody conducts; see run/reap/sweep.ts. */
  reap(order: SweepOrder, observe: ObserveRun): Promise<SweepReport> {
    return sweep(order, { ...this.deps, observe }, this.#crew(observe));
  }

  /** Puts what is owed to the archive under lock, of these runs or of all; see run/archive-pending.ts. */
  archive(
    order: { impatient: boolean; only?: readonly string[] },
    signal?: AbortSignal,
  ): Promise<readonly OwedEvidence[]> {
    const crew = this.#crew(() => undefined);
    const standing = (runId: string) => standingOf(runId, this.deps, crew);
    return archivePending({ ...order, dryRun: false, standingOf: standing, ...(signal && { signal }) }, this.deps);
  }

  /** Burns what runs of dead processes left behind. Runs once per opening; later calls wait for the same. */
  takeUpUnfinished(observe: ObserveRun): Promise<readonly Run[]> {
    this.#takenUp ??= this.#takeUpAll(observe).then((runs) => {
      // Nobody waits for it: what is owed has waited before.
      this.#archiving = this.archive({ impatient: false }, this.#closing.signal).catch(() => []);
      return runs;
    });
    return this.#takenUp;
  }

  /** Opens a tunnel into the sandbox of a run of this process that is executing. Rejects with RequestError. */
  tunnel(runId: string, destination: string, openedBy: string): Promise<TunnelDoor> {
    const here = this.#live.get(runId);
    if (here !== undefined) return openTunnelDoor(here.run, this.deps, destination, openedBy);
    throw new RequestError('not_running', {
      expected: `run ${runId} to be executing`,
      got: 'one that nobody conducts now',
      hint: 'tunnels are there while a run executes; see `burnbag runs`',
    });
  }

  /** Cancels a run of this process, or takes up and burns one that a dead process left. Rejects when the run has ended already. */
  async cancel(run: Run): Promise<void> {
    const here = this.#live.get(run.runId);
    if (here !== undefined) {
      here.run.cancel('cancelled');
      await here.done;
      return;
    }
    this.deps.journal.refuseElsewhere(run);
    if (isTerminal(run.state)) {
      throw new RequestError('not_running', {
        expected: `run ${run.runId} to be under way`,
        got: `a run that is ${run.state}`,
        hint: 'nothing is left of it to cancel',
      });
    }
    await this.#takeUpOne(run, () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.race([this.#archiving, sleep(ARCHIVING_GRACE_MS, undefined, { ref: false })]);
    await this.#opened[Symbol.asyncDispose]();
    await this.#archiving;
  }

  #crew(observe: ObserveRun): Crew {
    return {
      isLive: (runId) => this.#begun.has(runId) || this.#live.has(runId),
      takeUp: (run) => this.#takeUpOne(run, observe),
    };
  }

  async #takeUpAll(observe: ObserveRun): Promise<readonly Run[]> {
    const ended: Run[] = [];
    for (const run of await this.deps.journal.unfinishedRuns()) {
      const said = (text: string): void => {
        observe({ type: 'notice', runId: run.runId, text });
      };
      try {
        if (await this.#mustWait(run, said)) continue;
        ended.push(await this.#takeUpOne(run, observe));
      } catch (error) {
        // One that cannot be burned now keeps nobody from burning the others, nor from new runs.
        said(`run ${run.runId} could not be taken up: ${explain(error).got}`);
      }
    }
    return ended;
  }

  /** A quarantined run is tried again later and later; each time it is not, that is said. */
  async #mustWait(run: Run, said: (text: string) => void): Promise<boolean> {
    if (run.state !== 'quarantined') return false;
    const at = nextTry(await this.deps.journal.listTransitions(run.runId));
    if (at <= new Date()) return false;
    said(
      `run ${run.runId} is QUARANTINED, not proven gone: tried again from ${at.toISOString()}, or now by \`burnbag reap\``,
    );
    return true;
  }

  #takeUpOne(run: Run, observe: ObserveRun): Promise<Run> {
    const here = this.#live.get(run.runId);
    if (here !== undefined) return here.done;
    const text = `run ${run.runId} was left ${run.state} by a process that ended: burning it`;
    observe({ type: 'notice', runId: run.runId, text });
    const live = new LiveRun(this.deps, run.runId);
    return this.#track(live, () => takeUp(run, live, { ...this.deps, observe }));
  }

  #track(live: LiveRun, work: () => Promise<Run>): Promise<Run> {
    const done = work()
      .finally(async () => {
        await live.close();
        this.#live.delete(live.runId);
        await writeRunMetrics(this.deps);
      })
      .then((run) => {
        if (run.state === 'refused') live.discard();
        return run;
      });
    this.#live.set(live.runId, { run: live, done });
    return done;
  }
}
