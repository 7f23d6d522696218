import { OpeningFailed } from './connect.ts';
import type { ParsedLogin } from './login.ts';
import { cancelled, translate } from './translate.ts';
import { waitFor } from './wait.ts';

/** What a refusal's log may take to arrive: it crosses a serial port, not a network. */
const LOG_TIMEOUT_MS = 1_000;

/** Rejects with what kept a connection from opening, as a RelayError; sshd's own log is asked where sshd refused. */
export async function explainOpening(
  error: unknown,
  { certificate }: ParsedLogin,
  sshdLog: (() => Promise<string>) | undefined,
): Promise<never> {
  if (!(error instanceof OpeningFailed)) throw error;
  const { stage, cause } = error;
  const wantsLog = stage === 'logging in' && sshdLog !== undefined;
  throw translate(cause, { stage, certificate, sshdLog: wantsLog ? await readLog(sshdLog) : '' });
}

function readLog(sshdLog: () => Promise<string>): Promise<string> {
  const onTimeout = () => new Error(`no log within ${LOG_TIMEOUT_MS} ms`);
  return waitFor<string>({ timeoutMs: LOG_TIMEOUT_MS, onTimeout, onAbort: cancelled }, (resolve, reject) => {
    sshdLog().then(resolve, reject);
  }).catch(() => '');
}
