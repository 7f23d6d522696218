import type { Sandbox } from '../../../infra/driver.ts';
import { createRunKey } from '../../ca/index.ts';
import type { Run } from '../run.ts';
import type { Deps } from '../step.ts';

/** What a login beside the run's own is for; neither runs an action. */
type Purpose = 'mintAudit' | 'mintRevoke';

/**
 * Mints a login beside the run's own: a key of its own, the way the sandbox is reached, and a certificate that is on record before anybody
 * can use it. `ttlSeconds` is how long it may log in. Rejects with CaError or JournalError.
 */
export async function mintSecondLogin(
  purpose: Purpose,
  { runId }: Run,
  sandbox: Sandbox,
  ttlSeconds: number,
  { ca, journal, relayHost }: Deps,
) {
  const { publicKeyLine: publicKey, privateKey } = createRunKey();
  const { machineId, relaySourceAddress: sourceAddress, address, hostKey } = sandbox;
  const minted = await ca[purpose]({ runId, machineId, publicKey, sourceAddress, ttlSeconds, now: new Date() });
  await journal.recordCertificate(runId, minted);
  const { serial, certificateLine: certificate } = minted;
  return { serial, login: { address, relayHost, hostKey, privateKey, certificate } };
}
