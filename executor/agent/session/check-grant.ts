import { measureOf, type ActionRequest } from '../../protocol/action.ts';
import type { Refusal } from '../../protocol/error.ts';
import type { Grant } from '../../protocol/grant.ts';
import { excessOf } from '../../protocol/measure.ts';

/** Whether a grant allows a request; undefined when it does. Pure: the grant, the request and the time decide, nothing else. */
export function checkGrant(grant: Grant, request: ActionRequest, nowSeconds: number): Refusal | undefined {
  if (request.task_id !== grant.task_id) {
    return refuse(
      'WRONG_TASK',
      `task ${grant.task_id}`,
      `task ${request.task_id}`,
      'a session serves the task of its certificate',
    );
  }
  if (nowSeconds >= grant.expires_at) {
    return refuse('GRANT_EXPIRED', `a request before ${grant.expires_at}`, String(nowSeconds), 'ask for a new run');
  }
  const granted = grant.actions.find(({ action }) => action === request.action);
  if (granted === undefined) {
    const names = grant.actions.map(({ action }) => action).join(', ');
    return refuse('ACTION_NOT_GRANTED', `one of ${names}`, request.action, 'the profile lists what a run may do');
  }
  const excess = excessOf(measureOf(request), granted.limits);
  if (excess === undefined) return undefined;
  const code = excess.what === 'path' ? 'PATH_NOT_GRANTED' : 'ARGUMENT_NOT_GRANTED';
  return refuse(code, excess.expected, excess.got, "the profile's limits decide; ask for less, or for another profile");
}

function refuse(code: Refusal['code'], expected: string, got: string, hint: string): Refusal {
  return { code, expected, got, hint };
}
