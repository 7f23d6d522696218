import { excessOf, GrantedAction, measureOf, type Measure } from '../../executor/protocol/index.ts';
import type { Explained } from '../errors.ts';
import type { RequestedAction, RunRequest } from '../run/request.ts';
import type { Allowance, Profile } from './profile.ts';

export type Decision =
  | { readonly allowed: true; readonly actions: readonly GrantedAction[]; readonly ttlSeconds: number }
  | { readonly allowed: false; readonly refusal: Explained };

/** Below this a certificate would expire before the guest has booted. */
const TTL_MIN_SECONDS = 60;

/** Asked by the relay itself, once, after the last action: what the kernel lost of its audit records, and whether auditd still runs. */
const CLOSING_ACTION = 'check_health';

/**
 * May this request run under this profile, and with what grant? Pure.
 * The grant is the narrowest that still does the request: the exact paths and digests it names, never the profile's whole allowance;
 * and the relay's own closing question, which has no arguments and changes nothing, where the profile allows it.
 */
export function admit(request: RunRequest, profile: Profile): Decision {
  const ttlSeconds = request.ttlSeconds ?? profile.ttlSeconds.default;
  if (ttlSeconds < TTL_MIN_SECONDS || ttlSeconds > profile.ttlSeconds.max) {
    return refuse(
      `a TTL from ${TTL_MIN_SECONDS} to ${profile.ttlSeconds.max} s in profile ${profile.name}`,
      `${ttlSeconds} s`,
      'choose a TTL in that range: no sandbox lives longer',
    );
  }
  const actions: GrantedAction[] = [];
  for (const name of new Set(request.actions.map((one) => one.action))) {
    const allowance = profile.actions.find((row) => row.action === name);
    if (allowance === undefined) {
      const names = profile.actions.map((row) => row.action).join(', ');
      return refuse(
        `an action of profile ${profile.name}: ${names}`,
        name,
        'choose another profile or leave the action out',
      );
    }
    const asked = request.actions.filter((one) => one.action === name);
    const problem = asked.map((one) => outside(one, allowance, ttlSeconds)).find((found) => found !== undefined);
    if (problem !== undefined) return { allowed: false, refusal: problem };
    actions.push(narrow(allowance, asked));
  }
  const closing = profile.actions.find((row) => row.action === CLOSING_ACTION);
  if (closing !== undefined && actions.every(({ action }) => action !== CLOSING_ACTION))
    actions.push(narrow(closing, []));
  return { allowed: true, actions, ttlSeconds };
}

/** What of one action the profile does not allow; undefined when all of it is allowed. */
function outside(asked: RequestedAction, { limits }: Allowance, ttlSeconds: number): Explained | undefined {
  const most = Math.min(limits.max_seconds ?? 0, ttlSeconds);
  const excess = excessOf(measureOf(asked), { ...limits, max_seconds: most, sha256: 'any' });
  if (excess === undefined) return undefined;
  const hint = 'ask for what the profile allows, or choose another profile or a longer TTL';
  return refusal(`${asked.action} with ${excess.expected}`, excess.got, hint);
}

/** The grant's row for one action: what was asked and no more. */
function narrow({ action, limits }: Allowance, asked: readonly RequestedAction[]): GrantedAction {
  const measures = asked.map(measureOf);
  const every = <T>(of: (measure: Measure) => readonly T[] | undefined) => [
    ...new Set(measures.flatMap((one) => of(one) ?? [])),
  ];
  const [paths, sha256, units] = [every((one) => one.paths), every((one) => one.sha256), every((one) => one.units)];
  const seconds = measures.flatMap((one) => one.seconds ?? []);
  return GrantedAction.parse({
    action,
    limits: {
      ...(paths.length > 0 && { paths }),
      ...(sha256.length > 0 && { sha256 }),
      ...(units.length > 0 && { units }),
      ...(seconds.length > 0 && { max_seconds: Math.max(...seconds) }),
      ...(limits.max_bytes !== undefined && { max_bytes: limits.max_bytes }),
      ...(limits.max_lines !== undefined && { max_lines: limits.max_lines }),
    },
  });
}

function refuse(expected: string, got: string, hint: string): Decision {
  return { allowed: false, refusal: refusal(expected, got, hint) };
}

function refusal(expected: string, got: string, hint: string): Explained {
  return { code: 'refused_by_policy', expected, got, hint };
}
