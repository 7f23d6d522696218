import { createHash } from 'node:crypto';
import { connect, type Connection } from './connect.ts';
import { RelayError } from './errors.ts';
import { explainOpening } from './explain-opening.ts';
import { DEADLINES, FETCH_MS, LOG_MAX_BYTES, OVERHEAD_MAX_BYTES, type Deadlines } from './limits.ts';
import { type Login, parseLogin } from './login.ts';
import { createTranscript, type FetchReason, type OnRecord } from './transcript.ts';
import { cancelled, checkValidity } from './translate.ts';
import { waitFor } from './wait.ts';

export interface FetchOptions extends Omit<Login, 'username' | 'certificateLine' | 'command'> {
  /** Of the kind that only copies logs out. */
  readonly certificate: string;
  readonly username?: string;
  /** Which log's file; the forced command knows its place. */
  readonly log: 'audit' | 'sshd' | 'exec';
  readonly deadlines?: Partial<Deadlines & { readonly fetchMs: number }>;
  readonly maxBytes?: number;
  /** Takes the transcript of this login. */
  readonly onRecord: OnRecord;
}

/** What came, and why no more did. */
export interface Fetched {
  readonly reason: FetchReason;
  readonly content: Buffer;
}

/**
 * Logs in as audit-reader and copies one of the guest's own log files out, as it is now. Rejects with RelayError when the login fails, or
 * when the transcript cannot be kept; whatever happens later is a reason, and what came until then is kept.
 */
export async function fetchLog(options: FetchOptions): Promise<Fetched> {
  const { username = 'audit-reader', certificate: certificateLine, log, maxBytes = LOG_MAX_BYTES } = options;
  const { fetchMs = FETCH_MS, ...deadlines } = { ...DEADLINES, ...options.deadlines };
  const login = parseLogin({ ...options, username, certificateLine, command: `${log}-file` });
  checkValidity(login.certificate);
  const note = createTranscript(options.onRecord);
  const started = performance.now();
  const connection = await connect(login, deadlines).catch((error: unknown) => explainOpening(error, login, undefined));
  const { link } = connection;
  try {
    const { serial, keyId: key_id } = login.certificate;
    const handshake_ms = Math.round(performance.now() - started);
    note({ event: 'log_connected', log, serial: String(serial), key_id, handshake_ms });
    const fetched = await receive(connection, maxBytes, fetchMs);
    const { reason, content } = fetched;
    const sha256 = createHash('sha256').update(content).digest('hex');
    note({ event: 'log_fetched', log, reason, bytes: content.length, sha256 });
    return fetched;
  } finally {
    await link.end();
  }
}

async function receive({ link, channel }: Connection, maxBytes: number, timeoutMs: number): Promise<Fetched> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  link.allow(maxBytes + OVERHEAD_MAX_BYTES);
  const wait = { timeoutMs, onTimeout: () => new Error('late'), onAbort: cancelled };
  const reason = await waitFor<FetchReason>(wait, (resolve) => {
    link.onBreak((error) => {
      resolve(error instanceof RelayError && error.code === 'protocol_violation' ? 'too_long' : 'connection_lost');
    });
    channel.on('error', () => {
      resolve('connection_lost');
    });
    channel.on('data', (chunk: Buffer) => {
      const room = maxBytes - bytes;
      chunks.push(chunk.subarray(0, room));
      bytes += Math.min(chunk.length, room);
      if (chunk.length > room) resolve('too_long');
    });
    channel.stderr.resume();
    channel.on('close', (exitCode?: number | null) => {
      resolve(exitCode === 0 ? 'complete' : 'failed');
    });
  }).catch(() => 'timeout' as const);
  return { reason, content: Buffer.concat(chunks) };
}
