import { admit } from '../../policy/admit.ts';
import { findProfile } from '../../policy/profile.ts';
import { RequestError } from '../../errors.ts';
import type { Step } from '../step.ts';

/** Policy decides; what it grants is kept for the certificate. A refusal is an error here, and the run ends `refused`. */
export const admitRun: Step<'requested'> = (_run, live, deps) => {
  if (live.request === undefined) return Promise.resolve('refused');
  const decision = admit(live.request, findProfile(deps.policy, live.request.profile));
  if (!decision.allowed) {
    const { expected, got, hint } = decision.refusal;
    return Promise.reject(new RequestError('refused_by_policy', { expected, got, hint }));
  }
  live.granted = { actions: decision.actions, ttlSeconds: decision.ttlSeconds };
  return Promise.resolve('admitted');
};
