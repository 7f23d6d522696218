import type { Duplex } from 'node:stream';
import ssh2, { type Client, type ParsedKey } from 'ssh2';
import type { Signer } from '../ca/index.ts';
import { parsePublicKeyLine, publicKeyBlob } from '../ca/public-key.ts';
import { RelayError } from './errors.ts';
import { forwardOut } from './forward-out.ts';
import { ALGORITHMS } from './limits.ts';
import { cancelled } from './translate.ts';
import { waitFor } from './wait.ts';

/** The one host that stands in the sandboxes' network: its sshd opens connections for us, to port 22 of sandboxes and nowhere else. */
export interface RelayHostAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** `ssh-ed25519 AAAA…`; no other host key is accepted. */
  readonly hostKey: string;
}

/** A way through the relay host. Connections of all runs share its one SSH connection; nothing else is ever asked of that host. */
export interface RelayHost {
  /** A connection to exactly this address and port, as the relay host's sshd opened it. Rejects with RelayError. */
  open(via: RelayHostAddress, to: { readonly host: string; readonly port: number }, wait: Wait): Promise<Duplex>;
  close(): void;
}

interface Wait {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A relay host that hears nothing for so long is gone; its sshd answers each question. */
const KEEPALIVE_MS = 15_000;
const KEEPALIVES_MISSED = 3;

/** A few round trips and a signature; who comes later while it hangs is not held up for longer by it. */
const LOGIN_TIMEOUT_MS = 10_000;

/** Logs in with this key, at the first connection and again when the one there was has gone. */
export function openRelayHost(key: Signer): RelayHost {
  let standing: { readonly name: string; readonly client: Promise<Client> } | undefined;
  const clientOf = (via: RelayHostAddress): Promise<Client> => {
    const name = `${via.username}@${via.host}:${via.port} ${via.hostKey}`;
    if (standing?.name === name) return standing.client;
    const client = logIn(via, key);
    const now = { name, client };
    standing = now;
    const forget = (): void => {
      if (standing === now) standing = undefined;
    };
    client.then((opened) => opened.once('close', forget), forget);
    return client;
  };
  return {
    open: async (via, to, wait) => forward(await awaitLogin(clientOf(via), via, wait), to, wait),
    close: () => {
      standing?.client.then(
        (client) => client.end(),
        () => undefined,
      );
      standing = undefined;
    },
  };
}

/** Whoever gives up waits no more; the login is everybody's, and goes on. */
function awaitLogin(login: Promise<Client>, via: RelayHostAddress, { timeoutMs, signal }: Wait): Promise<Client> {
  const onTimeout = () => unreachable(via, `no login within ${timeoutMs} ms`);
  return waitFor<Client>({ timeoutMs, signal, onTimeout, onAbort: cancelled }, (resolve, reject) => {
    login.then(resolve, reject);
  });
}

/** The pinned host key is compared before the relay host learns who we are. */
async function logIn(via: RelayHostAddress, key: Signer): Promise<Client> {
  const client = new ssh2.Client();
  const pinned = publicKeyBlob(parsePublicKeyLine(via.hostKey));
  const onTimeout = () => unreachable(via, `no login within ${LOGIN_TIMEOUT_MS} ms`);
  try {
    return await waitFor<Client>({ timeoutMs: LOGIN_TIMEOUT_MS, onTimeout, onAbort: cancelled }, (resolve, reject) => {
      // ssh2 goes on reporting errors after the first, and one without a listener would end the process.
      client.on('error', (error: Error) => {
        reject(unreachable(via, error.message, error));
      });
      client.once('close', () => {
        reject(unreachable(via, 'the connection was dropped'));
      });
      client.once('ready', () => {
        resolve(client);
      });
      client.connect({
        ...{ host: via.host, port: via.port, username: via.username, readyTimeout: 0, algorithms: ALGORITHMS },
        ...{ keepaliveInterval: KEEPALIVE_MS, keepaliveCountMax: KEEPALIVES_MISSED },
        hostVerifier: (blob: Buffer) => {
          if (!blob.equals(pinned)) reject(anotherHost(via));
          return blob.equals(pinned);
        },
        // The declared types know a path of an agent's socket only.
        authHandler: [{ type: 'agent', username: via.username, agent: agentOf(key) } as never],
      });
    });
  } catch (error) {
    client.destroy();
    throw error;
  }
}

/** ssh2 takes a key that it may not read only from an agent. */
function agentOf(key: Signer): ssh2.BaseAgent {
  const parsed: unknown = ssh2.utils.parseKey(key.publicKeyLine);
  if (parsed instanceof Error) throw parsed;
  class OneKey extends ssh2.BaseAgent {
    override getIdentities(done: (error?: Error, keys?: ParsedKey[]) => void): void {
      done(undefined, [parsed as ParsedKey]);
    }
    override sign(
      _key: unknown,
      data: Buffer,
      options: unknown,
      done?: (error?: Error, signature?: Buffer) => void,
    ): void {
      const tell = typeof options === 'function' ? (options as typeof done) : done;
      key.sign(data, AbortSignal.timeout(SIGN_TIMEOUT_MS)).then(
        (signature) => tell?.(undefined, signature),
        (error: unknown) => tell?.(error as Error),
      );
    }
  }
  return new OneKey();
}

const SIGN_TIMEOUT_MS = 10_000;

async function forward(
  client: Client,
  { host, port }: { readonly host: string; readonly port: number },
  { timeoutMs, signal }: Wait,
): Promise<Duplex> {
  const to = `${host}:${port}`;
  const onTimeout = () => refused(to, `nothing within ${timeoutMs} ms`);
  const patience = { timeoutMs, signal, onTimeout, onAbort: cancelled };
  const channel = await forwardOut(client, { host, port }, patience).catch((error: unknown) => {
    throw error instanceof RelayError
      ? error
      : refused(to, error instanceof Error ? error.message : String(error), error);
  });
  // A socket closes when the other side has ended; a channel stays half open, and whoever waits for an answer would wait on.
  channel.once('end', () => channel.destroy());
  return channel;
}

function unreachable({ host, port }: RelayHostAddress, got: string, cause?: unknown): RelayError {
  const hint = 'look at the relay host: its sshd, its security group, the key in its authorized_keys (docs/aws.md)';
  return new RelayError('unreachable', { expected: `the relay host at ${host}:${port}`, got, hint }, { cause });
}

function anotherHost({ hostKey }: RelayHostAddress): RelayError {
  return new RelayError('host_key_mismatch', {
    expected: `the relay host's key ${hostKey}`,
    got: 'another key',
    hint: 'somebody stands between, or the relay host was made anew: compare its key over another way, then configure it',
  });
}

function refused(to: string, got: string, cause?: unknown): RelayError {
  const hint = 'the sandbox is gone or was never up, or the relay host’s sshd does not permit this destination';
  return new RelayError('unreachable', { expected: `a connection to ${to} from the relay host`, got, hint }, { cause });
}
