import { randomBytes } from 'node:crypto';
import type { Configuration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { RequestError } from './errors.ts';
import { openDeps, type OpenFor } from './run/open-deps.ts';
import { conduct, takeUp } from './run/conduct.ts';
import { describeRun } from './run/describe.ts';
import { isTerminal } from './run/lifecycle.ts';
import { LiveRun } from './run/live.ts';
import type { ObserveRun } from './run/progress.ts';
import type { RunRequest } from './run/request.ts';
import type { Run } from './run/run.ts';
import type { Deps } from './run/step.ts';
import type { RunSummary } from './run/summary.ts';

/** An opened data directory: the only process that may change anything in it. */
export interface Orchestrator extends AsyncDisposable {
  readonly deps: Deps;
  /** Takes a request through its whole life. Resolves when the run has ended, however it went; rejects only when it could not be stored. */
  conduct(request: RunRequest, observe: ObserveRun, signal: AbortSignal): Promise<RunSummary>;
  /** Burns what runs of dead processes left behind. Runs once per opening; later calls wait for the same. */
  takeUpUnfinished(observe: ObserveRun): Promise<readonly Run[]>;
  /** Cancels a run of this process, or takes up and burns one that a dead process left. Rejects when the run has ended already. */
  cancel(run: Run): Promise<void>;
}

/** Opens the data directory. Rejects with HomeLockError when another process works on it. */
export async function openOrchestrator(environment: Environment, configuration: Configuration, purpose: OpenFor): Promise<Orchestrator> {
  const opened = await openDeps(environment, configuration, purpose);
  const { deps } = opened;
  const live = new Map<string, { readonly run: LiveRun; readonly done: Promise<Run> }>();
  let takenUp: Promise<readonly Run[]> | undefined;

  const track = (run: LiveRun, work: () => Promise<Run>): Promise<Run> => {
    const done = work().finally(() => {
      live.delete(run.runId);
      run.close();
    });
    live.set(run.runId, { run, done });
    return done;
  };

  const takeUpOne = (run: Run, observe: ObserveRun): Promise<Run> => {
    observe({ type: 'notice', runId: run.runId, text: `run ${run.runId} was left ${run.state} by a process that ended: burning it` });
    const taken = new LiveRun(deps.home, run.runId);
    return track(taken, () => takeUp(run, taken, { ...deps, observe }));
  };

  const takeUpUnfinished = (observe: ObserveRun): Promise<readonly Run[]> =>
    (takenUp ??= deps.journal.unfinishedRuns().then(async (runs) => {
      const ended: Run[] = [];
      for (const run of runs) ended.push(await takeUpOne(run, observe));
      return ended;
    }));

  return {
    deps,
    takeUpUnfinished,
    async conduct(request, observe, signal) {
      await takeUpUnfinished(observe);
      const runId = randomBytes(6).toString('hex');
      const run = await deps.journal.createRun({
        runId,
        taskId: request.taskId,
        requester: request.requester,
        profile: request.profile,
        request: storedRequest(request),
      });
      observe({ type: 'admitted', runId, label: request.label, ...scriptDigest(request) });
      const fresh = new LiveRun(deps.home, runId, request);
      const abort = () => {
        fresh.cancel('cancelled');
      };
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      try {
        return describeRun(await track(fresh, () => conduct(run, fresh, { ...deps, observe })));
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
    async cancel(run) {
      const here = live.get(run.runId);
      if (here !== undefined) {
        here.run.cancel('cancelled');
        await here.done;
        return;
      }
      if (isTerminal(run.state)) {
        throw new RequestError('not_running', {
          expected: `run ${run.runId} to be under way`,
          got: `a run that is ${run.state}`,
          hint: 'nothing is left of it to cancel',
        });
      }
      await takeUpOne(run, () => undefined);
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

/** What the journal keeps of a request: everything but the content of files, which is evidence by digest only. */
function storedRequest(request: RunRequest): object {
  return {
    ...request,
    actions: request.actions.map((one) =>
      one.action === 'put_file' ? { action: one.action, args: { path: one.args.path, sha256: one.args.sha256 } } : one,
    ),
  };
}

function scriptDigest(request: RunRequest): { readonly sha256?: string } {
  const script = request.actions.find((one) => one.action === 'run_script');
  return script?.action === 'run_script' ? { sha256: script.args.sha256 } : {};
}
