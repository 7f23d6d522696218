import { connect as connectSocket, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { publicKeyLine, readPublicKeyBlob } from '../ca/public-key.ts';
import { certificateLogin, hasStrictKeyExchange, useCertificateAuth } from './certificate-auth.ts';
import { RelayError, violation } from './errors.ts';
import { ALGORITHMS, ASKED_WHEN_SILENT, OVERHEAD_MAX_BYTES, type Deadlines } from './limits.ts';
import { Link } from './link.ts';
import type { Address, ParsedLogin } from './login.ts';
import { cancelled, hostKeyMismatch, type Stage } from './translate.ts';
import { waitFor, type Patience } from './wait.ts';

/** The one connection of a run, with the executor's channel open. */
export interface Connection {
  readonly link: Link;
  readonly channel: ClientChannel;
}

/** An opening that failed: at which stage, and what was said then. */
export class OpeningFailed extends Error {
  readonly stage: Stage;

  constructor(stage: Stage, cause: unknown) {
    super(`failed while ${stage}`, { cause });
    this.stage = stage;
  }
}

/**
 * Opens the connection: socket; key exchange with the pinned host key; login by certificate; the executor's channel.
 * Every wait has a deadline and ends when `signal` aborts. Rejects with OpeningFailed, and leaves nothing open then.
 */
export async function connect(login: ParsedLogin, deadlines: Deadlines, signal?: AbortSignal): Promise<Connection> {
  const socket = await openSocket(login, deadlines.connectMs, signal);
  const link = new Link(socket);
  const patience = {
    timeoutMs: deadlines.handshakeMs,
    signal,
    onAbort: cancelled,
    onTimeout: () => late(link.stage, deadlines),
  };
  try {
    const channel = await waitFor<ClientChannel>(patience, (resolve, reject) => {
      link.onBreak(reject);
      link.client.once('handshake', () => {
        afterKeyExchange(link);
      });
      link.client.once('ready', () => {
        openChannel(link, login.command ?? 'agent-exec', resolve, reject);
      });
      startHandshake(link, login, deadlines);
    });
    link.stage = 'in session';
    return { link, channel };
  } catch (cause) {
    link.break(cause instanceof Error ? cause : new Error(String(cause)));
    throw new OpeningFailed(link.stage, cause);
  }
}

/** Through the relay host where the address says so, else directly. */
async function openSocket(
  { address, relayHost }: ParsedLogin,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  const via = 'path' in address ? undefined : address.via;
  if ('path' in address || via === undefined) return openDirectly(address, timeoutMs, signal);
  try {
    if (relayHost === undefined) throw new TypeError('expected a way through the relay host, got none');
    return await relayHost.open(via, address, { timeoutMs, signal });
  } catch (cause) {
    throw new OpeningFailed('connecting', cause);
  }
}

async function openDirectly(address: Address, timeoutMs: number, signal: AbortSignal | undefined): Promise<Socket> {
  const socket = connectSocket({ ...address, noDelay: true });
  const onTimeout = () => new Error(`no connection within ${timeoutMs} ms`);
  const patience: Patience = { timeoutMs, signal, onAbort: cancelled, onTimeout };
  try {
    return await waitFor<Socket>(patience, (resolve, reject) => {
      socket.once('connect', () => {
        resolve(socket);
      });
      socket.once('error', reject);
    });
  } catch (cause) {
    socket.on('error', () => undefined).destroy();
    throw new OpeningFailed('connecting', cause);
  }
}

/** The key's own line is compared byte by byte; whatever happens in `connect` is reported through the link. */
function startHandshake(link: Link, login: ParsedLogin, { silentMs }: Deadlines): void {
  const offers = [certificateLogin(login.username, login.privateKey, login.certificateLine)];
  link.client.connect({
    sock: link.socket,
    username: login.username,
    readyTimeout: 0,
    algorithms: ALGORITHMS,
    ...('host' in login.address && {
      keepaliveInterval: Math.ceil(silentMs / (ASKED_WHEN_SILENT + 1)),
      keepaliveCountMax: ASKED_WHEN_SILENT,
    }),
    hostVerifier: (key: Buffer) => {
      const isPinned = key.equals(login.hostKeyBlob);
      if (!isPinned) link.break(hostKeyMismatch(login.hostKey, describeKey(key)));
      return isPinned;
    },
    authHandler: (_methods, _partial, next) => {
      next((offers.pop() ?? false) as never);
    },
  });
  useCertificateAuth(link.client);
}

function afterKeyExchange(link: Link): void {
  if (hasStrictKeyExchange(link.client)) link.stage = 'logging in';
  else link.break(violation('strict key exchange', 'a server without it'));
}

function openChannel(
  link: Link,
  command: string,
  resolve: (channel: ClientChannel) => void,
  reject: (error: Error) => void,
): void {
  link.stage = 'opening the channel';
  // The text is never run: sshd forces its own command, which may read it.
  link.client.exec(command, (error, channel) => {
    link.allow(OVERHEAD_MAX_BYTES);
    if (error === undefined) resolve(channel);
    else reject(error);
  });
}

function describeKey(blob: Buffer): string {
  try {
    return publicKeyLine(readPublicKeyBlob(blob));
  } catch {
    return 'a key of another kind';
  }
}

function late(stage: Stage, { handshakeMs }: Deadlines): RelayError {
  return new RelayError('handshake_timeout', {
    expected: `an open channel within ${handshakeMs} ms`,
    got: `none, still ${stage}`,
    hint: 'the guest is slow or hangs; its console says more',
  });
}
