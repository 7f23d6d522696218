import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explain } from '../../errors.ts';
import { STREAMS } from '../../evidence/index.ts';
import { fetchLog } from '../../relay/index.ts';
import type { Sandbox } from '../../../infra/driver.ts';
import type { LiveRun } from '../live.ts';
import type { Run } from '../run.ts';
import type { Deps } from '../step.ts';
import { mintSecondLogin } from './second-login.ts';

/** The login takes a second, the copy a few; then the certificate is of no use any more. */
const TTL_SECONDS = 60;

/**
 * Logs in a second time, with a certificate that opens nothing but the log streamer, and copies the guest's own audit file out: what it holds
 * is later compared with what was sent while it happened. Never rejects; that it could not be had is said in the evidence.
 */
export async function fetchGuestFile(run: Run, live: LiveRun, deps: Deps): Promise<void> {
  const { sandbox, sessionEnd } = live;
  // Nobody logged in, or another process did, whose machine is stopped by now.
  if (sandbox === undefined || sessionEnd === undefined) return;
  const at = (): string => new Date().toISOString();
  try {
    const { reason, content, serial } = await fetch(run, live, sandbox, deps);
    await writeFile(join(live.folder, STREAMS.audit_file.file), content, { mode: 0o600, flush: true });
    live.awaited = { audit: lastLine(content), sshd: Buffer.from(`(serial ${serial})`) };
    live.fetched = reason === 'complete' ? { how: 'collected', at: at() } : { how: 'lost', at: at(), detail: reason };
  } catch (error) {
    live.fetched = { how: 'lost', at: at(), detail: explain(error).code };
  }
}

async function fetch(run: Run, live: LiveRun, sandbox: Sandbox, deps: Deps) {
  const { login, serial } = await mintSecondLogin('mintAudit', run, sandbox, TTL_SECONDS, deps);
  const fetched = await fetchLog({
    ...login,
    log: 'audit',
    onRecord: (record) => {
      live.logs.relay.append(record);
    },
  });
  return { ...fetched, serial };
}

/** The last whole line, its end included; undefined where there is none. */
export function lastLine(content: Buffer): Buffer | undefined {
  const end = content.lastIndexOf('\n') + 1;
  return end === 0 ? undefined : content.subarray(content.subarray(0, end - 1).lastIndexOf('\n') + 1, end);
}
