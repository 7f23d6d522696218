import type { ActionRequest } from '../../executor/protocol/index.ts';
import type { Certificate } from '../ca/certificate.ts';
import { closed, quote, RelayError, violation } from './errors.ts';

/** How far a connection has come. */
export type Stage = 'connecting' | 'exchanging keys' | 'logging in' | 'opening the channel' | 'in session';

/** What was there to judge by when an opening failed. */
export interface Circumstances {
  readonly stage: Stage;
  readonly certificate: Certificate;
  /** Of the sandbox's sshd, where the driver has it: sshd tells the client nothing about a refusal, its log does. */
  readonly sshdLog: string;
}

/** Puts whatever ssh2 or the socket said while opening into our words. The only place that knows their messages. */
export function translate(error: unknown, circumstances: Circumstances): RelayError {
  if (error instanceof RelayError) return error;
  const { level, message } = describe(error);
  if (level === 'client-authentication') return classifyRefusal(message, circumstances, error);
  if (level === 'client-socket' || circumstances.stage === 'connecting')
    return unreachable(message, circumstances.stage, error);
  if (message === 'Connection lost before handshake') return unreachable(message, circumstances.stage, error);
  if (level === 'handshake') return violation('ed25519, curve25519-sha256 and an AEAD cipher', quote(message), error);
  if (typeof level === 'number') return disconnected(message, error);
  if (message.startsWith('(SSH) Channel open failure') || message === 'Unable to exec') {
    return refused('sshd to open one channel for the executor', quote(message), error);
  }
  return violation('SSH as RFC 4253 has it', quote(message), error);
}

/** Refuses a certificate that our own clock says cannot work, before anything is sent. */
export function checkValidity(certificate: Certificate, now = Date.now()): void {
  const error = outsideValidity(certificate, now);
  if (error !== undefined) throw error;
}

/** The connection went away although nobody had failed yet. */
export function dropped(stage: Stage): RelayError {
  if (stage === 'in session') return closed('a connection that was dropped');
  if (stage === 'exchanging keys' || stage === 'connecting') return unreachable('the connection was dropped', stage);
  return refused('sshd to let the relay in', `the connection was dropped while ${stage}`);
}

/** The sandbox's host key is not the one it said over the console. */
export function hostKeyMismatch(expected: string, got: string): RelayError {
  const hint = 'somebody stands between relay and sandbox, or the address is of another machine: do not go on';
  return new RelayError('host_key_mismatch', { expected, got, hint });
}

/** The session is over because its certificate is. */
export function expired(certificate: Certificate, cause?: unknown): RelayError {
  const until = new Date(certificate.validBefore * 1000).toISOString();
  const hint = 'a longer TTL must be asked for before the run starts';
  return new RelayError(
    'certificate_expired',
    { expected: `to be done by ${until}`, got: 'a later time', hint },
    { cause },
  );
}

/** A request was sent and no answer came: nobody knows whether it ran. */
export function actionTimeout(request: ActionRequest, timeoutMs: number): RelayError {
  return new RelayError('action_timeout', {
    expected: `an answer to ${request.action} (request ${request.id}) within ${timeoutMs} ms`,
    got: 'none',
    hint: 'it may still run or have run: never send it again, look at the executor log',
  });
}

/** The caller took its request back. */
export function cancelled(signal: AbortSignal): RelayError {
  return closed('cancelled by the caller', signal.reason);
}

/** What sshd writes in its log when it refuses a certificate (OpenSSH: sshkey.c, auth2-pubkey.c). */
const REFUSALS = [
  { says: 'Certificate invalid: expired', code: 'certificate_expired' },
  { says: 'Certificate invalid: not yet valid', code: 'certificate_not_yet_valid' },
] as const;

const REFUSAL_LINE = /certificate|principal|revoked|not allowed/i;

function classifyRefusal(message: string, { certificate, sshdLog }: Circumstances, cause: unknown): RelayError {
  const ours = outsideValidity(certificate, Date.now());
  if (ours !== undefined) return ours;
  const said = reasonIn(sshdLog);
  const known = REFUSALS.find(({ says }) => said.includes(says));
  if (known === undefined)
    return refused('sshd to accept the certificate', said === '' ? quote(message) : quote(said), cause);
  const hint = "the certificate is valid by the relay's clock: the guest's clock differs, compare it in check_health";
  return new RelayError(
    known.code,
    { expected: 'the guest to find the certificate valid', got: quote(said), hint },
    { cause },
  );
}

/** The lines about the certificate that the last connection left. */
function reasonIn(sshdLog: string): string {
  const lines = sshdLog.slice(Math.max(0, sshdLog.lastIndexOf('Connection from '))).split('\n');
  return lines.filter((line) => REFUSAL_LINE.test(line)).join('; ');
}

function outsideValidity(certificate: Certificate, now: number): RelayError | undefined {
  if (now >= certificate.validBefore * 1000) return expired(certificate);
  if (now >= certificate.validAfter * 1000) return undefined;
  const from = new Date(certificate.validAfter * 1000).toISOString();
  const hint = "it was signed by a clock ahead of the relay's: compare the two";
  return new RelayError('certificate_not_yet_valid', {
    expected: `a certificate valid from ${from}`,
    got: 'an earlier time',
    hint,
  });
}

/** sshd's SSH_MSG_DISCONNECT comes with a reason number and its own words. */
function disconnected(message: string, cause: unknown): RelayError {
  return refused('sshd to let the relay in', quote(message), cause);
}

function refused(expected: string, got: string, cause?: unknown): RelayError {
  const hint = "the sandbox's sshd log says why: principal, source address, CA, revocation or clock";
  return new RelayError('refused', { expected, got, hint }, { cause });
}

function unreachable(got: string, stage: Stage, cause?: unknown): RelayError {
  const hint = 'the sandbox is gone, was never up, or another program has its port';
  return new RelayError('unreachable', { expected: `an SSH server while ${stage}`, got: quote(got), hint }, { cause });
}

function describe(error: unknown): { level: unknown; message: string } {
  if (!(error instanceof Error)) return { level: undefined, message: String(error) };
  const code = 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  return { level: 'level' in error ? error.level : code, message: error.message };
}
