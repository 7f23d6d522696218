import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { connect, type Connection, OpeningFailed } from './connect.ts';
import { violation } from './errors.ts';
import { DEADLINES, LOG_STREAM_MAX_BYTES } from './limits.ts';
import { parseLogin, type Login } from './login.ts';
import { createTranscript, type OnRecord } from './transcript.ts';
import { checkValidity, translate } from './translate.ts';

/** What the guest's log streamer gives out, one log per login. */
export type GuestLog = 'audit' | 'sshd' | 'exec';

export interface LogStreamOptions extends Omit<Login, 'username' | 'certificateLine' | 'command'> {
  /** An audit certificate of its own: one login each. */
  readonly certificate: string;
  readonly log: GuestLog;
  /** The file of this host that it goes into, from the log's first line on. */
  readonly file: string;
  readonly username?: string;
  /** What the file may hold; a log that goes on beyond it ends the copying. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** Takes the record of this login. */
  readonly onRecord: OnRecord;
}

/** A log that is being copied out while the guest writes it. */
export interface LogStream {
  /** Resolves when nothing more comes: it was closed, the guest has gone, or the connection broke. Never rejects. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/**
 * Logs in as `audit-reader` and copies one log of the guest into a file of this host. For machines whose logs have no way out but their one
 * network connection. What arrives is on this side at once and out of the guest's reach. A stream that breaks is not opened again: what is
 * missing then is a gap, and the evidence says so. Rejects with RelayError.
 */
export async function openLogStream(options: LogStreamOptions): Promise<LogStream> {
  const { username = 'audit-reader', maxBytes = LOG_STREAM_MAX_BYTES } = options;
  const login = parseLogin({
    ...options,
    username,
    certificateLine: options.certificate,
    command: options.log,
  });
  checkValidity(login.certificate);
  const started = performance.now();
  const connection = await connect(login, DEADLINES, options.signal).catch((error: unknown) => {
    if (!(error instanceof OpeningFailed)) throw error;
    throw translate(error.cause, { stage: error.stage, certificate: login.certificate, sshdLog: '' });
  });
  try {
    const { serial, keyId: key_id } = login.certificate;
    const handshake_ms = Math.round(performance.now() - started);
    const note = createTranscript(options.onRecord);
    note({ event: 'log_connected', log: options.log, serial: String(serial), key_id, handshake_ms });
    return copyInto(options.file, maxBytes, connection);
  } catch (error) {
    await connection.link.end();
    throw error;
  }
}

function copyInto(file: string, maxBytes: number, { link, channel }: Connection): LogStream {
  const fd = openSync(file, APPEND, 0o600);
  let room = maxBytes;
  const { promise: ended, resolve } = Promise.withResolvers<undefined>();
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    closeSync(fd);
    resolve(undefined);
  };
  channel.on('data', (chunk: Buffer) => {
    link.credit(chunk.length);
    if (isOver) return;
    try {
      writeAll(fd, chunk.subarray(0, room));
      room -= chunk.length;
      if (room < 0) link.break(violation(`at most ${maxBytes} bytes of a log`, 'more'));
    } catch (error) {
      link.break(error instanceof Error ? error : new Error(String(error)));
    }
  });
  channel.stderr.on('data', (chunk: Buffer) => {
    link.credit(chunk.length);
  });
  channel.on('error', end).on('close', end);
  link.onBreak(end);
  return {
    ended,
    close: async () => {
      await link.end();
      end();
    },
  };
}

const APPEND = constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY | constants.O_NOFOLLOW;

function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
