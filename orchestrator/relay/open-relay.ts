import { Grant, GRANT_EXTENSION } from '../../executor/protocol/index.ts';
import type { Certificate } from '../ca/certificate.ts';
import { connect } from './connect.ts';
import { ExecutorSession } from './executor-session.ts';
import { explainOpening } from './explain-opening.ts';
import { DEADLINES, type Deadlines } from './limits.ts';
import { parseLogin, type Login, type ParsedLogin } from './login.ts';
import type { Session } from './session.ts';
import { createTranscript, type OnRecord, type TranscriptEvent } from './transcript.ts';
import { cancelled, checkValidity, expired } from './translate.ts';

export interface RelayOptions extends Omit<Login, 'username' | 'certificateLine'> {
  readonly username?: string;
  readonly certificate: string;
  readonly deadlines?: Partial<Deadlines>;
  /** Ends the opening, and the session after it, at once. */
  readonly signal?: AbortSignal;
  /** Takes the transcript. */
  readonly onRecord?: OnRecord;
  /** Gives the end of the sandbox's sshd log, where the driver has it; asked only when sshd refuses, because sshd tells the client nothing. */
  readonly sshdLog?: () => Promise<string>;
}

/**
 * Opens the one connection of a run and starts the executor on it. Rejects with RelayError (`retryable` says whether again makes sense), or with
 * CaError on a certificate that cannot be read. The session ends with its certificate, whoever forgets to close it.
 */
export async function openRelay(options: RelayOptions): Promise<Session> {
  const { username = 'agent-runner', certificate: certificateLine, signal } = options;
  const login = parseLogin({ ...options, username, certificateLine });
  const deadlines = { ...DEADLINES, ...options.deadlines };
  const note = createTranscript(options.onRecord ?? (() => undefined));
  checkValidity(login.certificate);
  const started = performance.now();
  const connection = await connect(login, deadlines, signal).catch((error: unknown) =>
    explainOpening(error, login, options.sshdLog),
  );
  const tunnels = tunnelsOf(login.certificate);
  const { closeMs, tunnelMs } = deadlines;
  const session = new ExecutorSession(connection, note, { closeMs, tunnelMs, tunnels });
  session.note(connected(login, performance.now() - started));
  endWith(session, login, signal);
  return session;
}

/** Where the grant in a certificate lets tunnels lead. Whether it holds, the CA has checked and the sandbox checks again. */
function tunnelsOf({ extensions }: Certificate): readonly string[] {
  const json = extensions.find(({ name }) => name === GRANT_EXTENSION)?.value;
  return json === undefined ? [] : (Grant.safeParse(JSON.parse(json)).data?.tunnels ?? []);
}

function connected({ hostKey, certificate }: ParsedLogin, milliseconds: number): TranscriptEvent {
  const { serial, keyId } = certificate;
  return {
    event: 'connected',
    host_key: hostKey,
    serial: String(serial),
    key_id: keyId,
    handshake_ms: Math.round(milliseconds),
  };
}

/** sshd lets a session live on after its certificate: ending it is the relay's duty. */
function endWith(session: ExecutorSession, { certificate }: ParsedLogin, signal: AbortSignal | undefined): void {
  const timer = setTimeout(
    () => {
      session.end('expired', expired(certificate));
    },
    certificate.validBefore * 1000 - Date.now(),
  );
  const abort = () => {
    if (signal !== undefined) session.end('cancelled', cancelled(signal));
  };
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  void session.ended.then(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  });
}
