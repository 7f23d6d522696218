import { revokeInSandbox } from '../../relay/index.ts';
import type { LiveRun } from '../live.ts';
import type { Run } from '../run.ts';
import type { Deps } from '../step.ts';
import { mintSecondLogin } from './second-login.ts';

/** The run ends all the same: this is how long it waits for a sandbox that does not answer. */
const LIMIT_MS = 15_000;
/** The certificate that revokes lives as long as that, and some more for clocks. */
const TTL_SECONDS = 60;

/**
 * A certificate that was minted and never logged in is still good for one login. The session of one that did has put it on the sandbox's own list; for
 * this one the relay does, by a login that can do nothing else. Where that fails the burn, which comes next, is what ends it.
 */
export async function revokeUnused(run: Run, live: LiveRun, deps: Deps): Promise<void> {
  const { sandbox, certificate } = live;
  if (sandbox === undefined || certificate === undefined || live.sessionEnd !== undefined) return;
  try {
    const { serial, login } = await mintSecondLogin('mintRevoke', run, sandbox, TTL_SECONDS, deps);
    await deps.ca.spend(serial, `run ${run.runId} revokes`);
    await revokeInSandbox({
      ...login,
      serials: [certificate.serial],
      signal: AbortSignal.timeout(LIMIT_MS),
      onRecord: (record) => {
        live.logs.relay.append(record);
      },
    });
  } catch {
    const text = `certificate ${certificate.serial} of run ${run.runId} was not used and could not be revoked in its sandbox, which is burned now`;
    deps.observe({ type: 'notice', runId: run.runId, text });
  }
}
