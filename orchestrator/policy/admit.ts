import { GrantedAction, isWithin } from '../../executor/protocol/index.ts';
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
function outside(asked: RequestedAction, allowance: Allowance, ttlSeconds: number): Explained | undefined {
  const { paths, max_seconds: maxSeconds, max_lines: maxLines } = allowance.limits;
  if (paths !== undefined && 'path' in asked.args && !isWithin(asked.args.path, paths)) {
    return refusal(`${asked.action} under ${paths.join(', ')}`, asked.args.path, 'name a path the profile allows');
  }
  if (asked.action === 'run_script') {
    const most = Math.min(maxSeconds ?? 0, ttlSeconds);
    if (asked.args.timeout_seconds > most) {
      return refusal(
        `run_script for at most ${most} s here`,
        `${asked.args.timeout_seconds} s`,
        'ask for less time, or a longer TTL',
      );
    }
  }
  if (asked.action === 'tail_log' && asked.args.lines > (maxLines ?? 0)) {
    return refusal(`tail_log of at most ${maxLines ?? 0} lines`, `${asked.args.lines} lines`, 'ask for fewer lines');
  }
  return undefined;
}

/** The grant's row for one action: what was asked and no more. */
function narrow(allowance: Allowance, asked: readonly RequestedAction[]): GrantedAction {
  const { max_bytes, max_lines } = allowance.limits;
  const paths = [...new Set(asked.flatMap((one) => ('path' in one.args ? [one.args.path] : [])))];
  const scripts = asked.flatMap((one) => (one.action === 'run_script' ? [one.args] : []));
  const limits =
    scripts.length > 0
      ? {
          sha256: [...new Set(scripts.map((script) => script.sha256))],
          max_seconds: Math.max(...scripts.map((script) => script.timeout_seconds)),
        }
      : {
          ...(paths.length > 0 && { paths }),
          ...(max_bytes !== undefined && { max_bytes }),
          ...(max_lines !== undefined && { max_lines }),
        };
  return GrantedAction.parse({ action: allowance.action, limits });
}

function refuse(expected: string, got: string, hint: string): Decision {
  return { allowed: false, refusal: refusal(expected, got, hint) };
}

function refusal(expected: string, got: string, hint: string): Explained {
  return { code: 'refused_by_policy', expected, got, hint };
}
