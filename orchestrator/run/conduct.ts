import { explain } from '../errors.ts';
import { type ActiveState, isTerminal, type Next } from './lifecycle.ts';
import type { Move } from './journal/index.ts';
import type { LiveRun } from './live.ts';
import { untilJournalled } from './patience.ts';
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

/**
 * Drives a run from wherever it stands to an end, or to a state in which it waits. Called again after a crash, it continues.
 * Rejects only when the journal takes no more of it (gone for good, or somebody else conducts the run): then the machine is stopped, and
 * whoever opens the data directory next does the rest.
 */
export async function conduct(run: Run, live: LiveRun, deps: Deps): Promise<Run> {
  try {
    return await drive(run, live, deps);
  } catch (error) {
    live.abandon(error);
    await halt(run, deps);
    deps.driver.letGo?.(run.runId);
    throw error;
  }
}

async function drive(run: Run, live: LiveRun, deps: Deps): Promise<Run> {
  let current = run;
  while (isConducted(current.state)) {
    const { to, error } = await attempt(current, current.state, live, deps);
    if (error !== undefined) live.fail(error);
    if (error !== undefined && current.state === 'collecting') sayPending(current, error, deps);
    const outcome = current.outcome ?? live.outcome();
    current = await move(deps, current, to, {
      ...(error !== undefined && { why: reasonOf(error) }),
      ...(outcome !== undefined && isPastExecution(to) && { outcome }),
      patch: await patchFor(to, run, live, deps),
    });
  }
  return current;
}

/** No seal keeps a sandbox alive: what there is of the evidence stays where it is, and that is said. */
function sayPending({ runId }: Run, error: unknown, deps: Deps): void {
  const { code, got } = explain(error);
  deps.observe({
    type: 'notice',
    runId,
    text: `evidence pending: not sealed (${code}: ${got}); burned all the same, and signed later where it was only the signer that failed`,
  });
}

/** Where a run that a crash left behind goes on: its machine is stopped first, and what was executing is never executed again. */
export async function takeUp(run: Run, live: LiveRun, deps: Deps): Promise<Run> {
  if (mayHaveMachine(run.state)) await halt(run, deps);
  const interrupted = {
    why: 'the process that conducted this run ended before the run did',
    outcome: 'interrupted',
  } as const;
  switch (run.state) {
    case 'requested':
    case 'admitted':
      return move(deps, run, 'refused', interrupted);
    case 'provisioning':
    case 'ready':
    case 'executing':
      return conduct(await move(deps, run, 'collecting', interrupted), live, deps);
    case 'quarantined':
      return conduct(await move(deps, run, 'destroying', { why: 'trying again to prove absence' }), live, deps);
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

/** The time is part of the move: said again, it is the same move. */
function move(deps: Deps, run: Run, to: Run['state'], how: Move): Promise<Run> {
  const at = new Date();
  return untilJournalled(() => deps.journal.moveRun(run, to, { ...how, at }));
}

/** Nobody speaks with this machine any more. Where it cannot be stopped, the burn says so. */
async function halt(run: Run, deps: Deps): Promise<void> {
  await deps.driver.halt(run.runId).catch((error: unknown) => {
    deps.observe({ type: 'notice', runId: run.runId, text: `its machine was not stopped: ${explain(error).got}` });
  });
}

function mayHaveMachine(state: Run['state']): boolean {
  return !isTerminal(state) && !['requested', 'awaiting_approval', 'admitted'].includes(state);
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
    await askForInterruption(run, state, live, deps);
    return { to: step.onError, error };
  }
}

/** A machine that the control plane took back was no failure of the run. What cannot be asked is not known to be so. */
async function askForInterruption(run: Run, state: ConductedState, live: LiveRun, deps: Deps): Promise<void> {
  // One that was cancelled is that, whatever became of its machine; nobody shall wait for an answer that changes nothing.
  if (live.signal.aborted || !['provisioning', 'ready', 'executing'].includes(state)) return;
  const why = await deps.driver.interruption?.(run.runId).catch(() => undefined);
  if (why === undefined) return;
  live.interrupted(why);
  deps.observe({ type: 'notice', runId: run.runId, text: `its machine was taken away by the control plane: ${why}` });
}

function isConducted(state: Run['state']): state is ConductedState {
  return !isTerminal(state) && state !== 'awaiting_approval' && state !== 'quarantined';
}

/** From `collecting` on (and in `refused`) how the run went is known. */
function isPastExecution(state: Run['state']): boolean {
  return ['collecting', 'sealed', 'destroying', 'destroyed', 'quarantined'].includes(state);
}

/** What the journal keeps beside the move: the sandbox once it stands, the result once the run rests. */
async function patchFor(
  to: Run['state'],
  { runId }: Run,
  live: LiveRun,
  { journal }: Deps,
): Promise<{ sandbox?: unknown; result?: unknown }> {
  if (to === 'ready') return { sandbox: live.sandbox };
  return isTerminal(to) || to === 'quarantined' ? { result: resultOf(live, await journal.listActions(runId)) } : {};
}

function reasonOf(error: unknown): string {
  const { code, expected, got } = explain(error);
  return `${code}: expected ${expected}, got ${got}`;
}
