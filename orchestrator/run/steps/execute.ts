import type { RequestedAction } from '../request.ts';
import { untilJournalled } from '../patience.ts';
import { askHealth } from './ask-health.ts';
import type { Step } from '../step.ts';

/** How long an action without a time of its own may take, slow emulated guests included. */
const ACTION_TIMEOUT_MS = 60_000;
/** What a script's or a migration's own deadline is extended by before the relay gives up on the executor. */
const SCRIPT_MARGIN_MS = 30_000;

/** Sends the request's actions one after the other; the first that is not `ok` ends it. Each is journalled before it leaves. Then asks how the guest is. */
export const execute: Step<'executing'> = async (run, live, deps) => {
  const { request, session } = live;
  if (request === undefined || session === undefined) return 'collecting';
  const following = live.follow(() => deps.driver.streams(run.runId));
  for (const [index, action] of request.actions.entries()) {
    const id = index + 1;
    deps.observe({ type: 'phase_progress', runId: run.runId, phase: 'executed', what: action.action });
    const step = { requestId: id, action: action.action };
    following.check();
    await deps.journal.recordAction(run.runId, { ...step, state: 'journalled' });
    await deps.journal.recordAction(run.runId, { ...step, state: 'sent' });
    const asked = { ...action, id, task_id: request.taskId };
    live.sentAt.set(id, performance.now());
    const answer = await session.request(asked, { timeoutMs: timeoutOf(action), signal: live.signal });
    live.answers.push(answer);
    // What was not on record would not have been sent; that it was answered is true already, and waits for a database that is away.
    await untilJournalled(() => deps.journal.recordAction(run.runId, { ...step, state: 'answered' }));
    if (answer.status !== 'ok') break;
  }
  await askHealth(run, live, deps);
  return 'collecting';
};

function timeoutOf(action: RequestedAction): number {
  return 'timeout_seconds' in action.args ? action.args.timeout_seconds * 1000 + SCRIPT_MARGIN_MS : ACTION_TIMEOUT_MS;
}
