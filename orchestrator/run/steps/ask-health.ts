import type { ActionRequest } from '../../../executor/protocol/index.ts';
import { explain } from '../../errors.ts';
import type { LiveRun } from '../live.ts';
import type { Run } from '../run.ts';
import type { Deps } from '../step.ts';

/** A question without arguments; a busy emulated guest takes a second. */
const HEALTH_TIMEOUT_MS = 15_000;

/**
 * The relay's own last request of a run: what the guest's kernel lost of its audit records, whether auditd still runs, what its clock says.
 * Journalled before it leaves as every action is; its answer is evidence, and none of the caller's. What goes wrong here shows there.
 */
export async function askHealth(run: Run, live: LiveRun, deps: Deps): Promise<void> {
  const { request, session, granted } = live;
  if (request === undefined || session === undefined || live.signal.aborted) return;
  if (granted?.actions.some(({ action }) => action === 'check_health') !== true) return;
  // A caller who asked last has asked for us, too.
  if (request.actions.at(-1)?.action === 'check_health' && live.answers.length === request.actions.length) return;
  const id = request.actions.length + 1;
  const step = { requestId: id, action: 'check_health' } as const;
  const asked: ActionRequest = { id, task_id: request.taskId, action: 'check_health', args: {} };
  try {
    live.follow(() => deps.driver.streams(run.runId)).check();
    await deps.journal.recordAction(run.runId, { ...step, state: 'journalled' });
    await deps.journal.recordAction(run.runId, { ...step, state: 'sent' });
    await session.request(asked, { timeoutMs: HEALTH_TIMEOUT_MS, signal: live.signal });
    await deps.journal.recordAction(run.runId, { ...step, state: 'answered' });
  } catch (error) {
    deps.observe({
      type: 'notice',
      runId: run.runId,
      text: `the guest's health is not on record: ${explain(error).got}`,
    });
  }
}
