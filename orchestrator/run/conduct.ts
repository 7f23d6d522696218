import { explain } from '../errors.ts';
import { type ActiveState, isTerminal, type Next } from './lifecycle.ts';
import type { LiveRun } from './live.ts';
import type { Run } from './run.ts';
import { resultOf } from './result.ts';
import type { Deps, Step } from './step.ts';
import { admitRun } from './steps/admit.ts';
import { beginProvisioning, provision } from './steps/provision.ts';
import { openSession } from './steps/open-session.ts';
import { execute } from './steps/execute.ts';
import { collectAndSeal, beginBurn } from './steps/seal.ts';
import { burnAndProve } from './steps/burn.ts';

/** States in which a run waits for somebody: conducting stops there and is started again by a person or the reaper. */
type RestingState = 'awaiting_approval' | 'quarantined';
type ConductedState = Exclude<ActiveState, RestingState>;

/** One row per state: what is done in it, and where an error there sends the run. */
const STEPS: { readonly [S in ConductedState]: { do: Step<S>; onError: Next<S> } } = {
  requested: { do: admitRun, onError: 'refused' },
  admitted: { do: beginProvisioning, onError: 'refused' },
  provisioning: { do: provision, onError: 'collecting' },
  ready: { do: openSession, onError: 'collecting' },
  executing: { do: execute, onError: 'collecting' },
  collecting: { do: collectAndSeal, onError: 'destroying' },
  sealed: { do: beginBurn, onError: 'destroying' },
  destroying: { do: burnAndProve, onError: 'quarantined' },
};

/** Drives a run from wherever it stands to an end, or to a state in which it waits. Called again after a crash, it continues. */
export async function conduct(run: Run, live: LiveRun, deps: Deps): Promise<Run> {
  let current = run;
  while (isConducted(current.state)) {
    const { to, error } = await attempt(current, current.state, live, deps);
    if (error !== undefined) live.fail(error);
    const outcome = current.outcome ?? live.outcome();
    current = await deps.journal.moveRun(current, to, {
      ...(error !== undefined && { why: reasonOf(error) }),
      ...(outcome !== undefined && isPastExecution(to) && { outcome }),
      patch: patchFor(to, live),
    });
  }
  return current;
}

/** Where a run that a crash left behind goes on: what was executing is never executed again. */
export async function takeUp(run: Run, live: LiveRun, deps: Deps): Promise<Run> {
  const interrupted = {
    why: 'the process that conducted this run ended before the run did',
    outcome: 'interrupted',
  } as const;
  switch (run.state) {
    case 'requested':
    case 'admitted':
      return deps.journal.moveRun(run, 'refused', interrupted);
    case 'provisioning':
    case 'ready':
    case 'executing':
      return conduct(await deps.journal.moveRun(run, 'collecting', interrupted), live, deps);
    case 'quarantined':
      return conduct(
        await deps.journal.moveRun(run, 'destroying', { why: 'trying again to prove absence' }),
        live,
        deps,
      );
    case 'awaiting_approval':
    case 'collecting':
    case 'sealed':
    case 'destroying':
      return conduct(run, live, deps);
    case 'destroyed':
    case 'refused':
      return run;
  }
}

async function attempt(
  run: Run,
  state: ConductedState,
  live: LiveRun,
  deps: Deps,
): Promise<{ to: Run['state']; error?: unknown }> {
  const step = STEPS[state];
  try {
    // The table pairs each state with the step typed for it; the union over all states loses that pairing here.
    return { to: await (step.do as Step<ActiveState>)(run, live, deps) };
  } catch (error) {
    return { to: step.onError, error };
  }
}

function isConducted(state: Run['state']): state is ConductedState {
  return !isTerminal(state) && state !== 'awaiting_approval' && state !== 'quarantined';
}

/** From `collecting` on (and in `refused`) how the run went is known. */
function isPastExecution(state: Run['state']): boolean {
  return ['collecting', 'sealed', 'destroying', 'destroyed', 'quarantined'].includes(state);
}

/** What the journal keeps beside the move: the sandbox once it stands, the result once the run rests. */
function patchFor(to: Run['state'], live: LiveRun): { sandbox?: unknown; result?: unknown } {
  if (to === 'ready') return { sandbox: live.sandbox };
  return isTerminal(to) || to === 'quarantined' ? { result: resultOf(live) } : {};
}

function reasonOf(error: unknown): string {
  const { code, expected, got } = explain(error);
  return `${code}: expected ${expected}, got ${got}`;
}
