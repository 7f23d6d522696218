import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { portOf } from '../../executor/protocol/index.ts';
import { closed, quote, RelayError } from './errors.ts';
import { TUNNEL_WINDOW_BYTES, TUNNELS_OPEN_MAX } from './limits.ts';
import type { Link } from './link.ts';
import type { TranscriptEvent } from './transcript.ts';
import { cancelled } from './translate.ts';
import { waitFor } from './wait.ts';

/** A local program answers at once; sshd then connects, on loopback. */
const OPEN_TIMEOUT_MS = 10_000;
const LOOPBACK = '127.0.0.1';

/** One connection through the relay's own to one destination inside the sandbox. Ends with the session at the latest. */
export interface Tunnel {
  readonly stream: Duplex;
}

interface Open {
  readonly channel: ClientChannel;
  readonly end: () => void;
}

/**
 * The select pipes of a session: to the destinations that the grant in its certificate names, and nowhere else. sshd decides the same by its own
 * list. Each connection is in the transcript before a byte passes, and again at its end with the bytes that went each way.
 */
export class Tunnels {
  readonly #link: Link;
  readonly #destinations: readonly string[];
  readonly #note: (event: TranscriptEvent) => void;
  readonly #open = new Set<Open>();
  #count = 0;
  #isOver = false;

  constructor(link: Link, destinations: readonly string[], note: (event: TranscriptEvent) => void) {
    this.#link = link;
    this.#destinations = destinations;
    this.#note = note;
  }

  /** Opens one. Rejects with RelayError: `refused` by us or by the sandbox, `closed` when the session is over. */
  async open(destination: string, openedBy: string): Promise<Tunnel> {
    const tunnel = (this.#count += 1);
    const about = { tunnel, destination, opened_by: openedBy };
    this.#check(destination, about);
    this.#note({ event: 'tunnel_opened', ...about });
    this.#link.reserve(TUNNEL_WINDOW_BYTES);
    try {
      const channel = await this.#connect(destination);
      return this.#carry(channel, about);
    } catch (cause) {
      this.#link.reserve(-TUNNEL_WINDOW_BYTES);
      this.#note({ event: 'tunnel_closed', tunnel, destination, bytes_in: 0, bytes_out: 0, reason: 'refused' });
      throw cause instanceof RelayError ? cause : refused(destination, 'sshd to reach it', cause);
    }
  }

  /** The session is over, and every tunnel with it. */
  end(): void {
    this.#isOver = true;
    for (const one of this.#open) one.end();
  }

  #check(destination: string, about: About): void {
    if (this.#isOver) throw closed('one that is over');
    if (this.#open.size >= TUNNELS_OPEN_MAX)
      throw refused(destination, `at most ${TUNNELS_OPEN_MAX} connections at once`);
    if (this.#destinations.includes(destination)) return;
    this.#note({ event: 'tunnel_refused', ...about });
    throw refused(destination, `one of ${this.#destinations.join(', ') || 'no destinations'}`);
  }

  #connect(destination: string): Promise<ClientChannel> {
    const onTimeout = () => refused(destination, `sshd to reach it within ${OPEN_TIMEOUT_MS} ms`);
    return waitFor<ClientChannel>({ timeoutMs: OPEN_TIMEOUT_MS, onTimeout, onAbort: cancelled }, (resolve, reject) => {
      this.#link.client.forwardOut(LOOPBACK, 0, LOOPBACK, portOf(destination), (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(error);
      });
    });
  }

  #carry(channel: ClientChannel, { tunnel, destination }: About): Tunnel {
    const bytes = { bytes_in: 0, bytes_out: 0 };
    // What is read was wanted, so it is no overhead; what nobody reads stays within the window that is set aside.
    channel.on('data', (chunk: Buffer) => {
      bytes.bytes_out += chunk.length;
      this.#link.credit(chunk.length);
    });
    channel.pause();
    const write = channel.write.bind(channel);
    channel.write = ((chunk: Buffer, ...rest: never[]) => {
      bytes.bytes_in += chunk.length;
      return write(chunk, ...rest);
    }) as typeof channel.write;
    const finish = (reason: 'closed' | 'session_over'): void => {
      if (!this.#open.delete(one)) return;
      this.#link.reserve(-TUNNEL_WINDOW_BYTES);
      channel.destroy();
      try {
        this.#note({ event: 'tunnel_closed', tunnel, destination, ...bytes, reason });
      } catch {
        // What cannot be recorded has ended the session already, and says so there.
      }
    };
    const one: Open = {
      channel,
      end: () => {
        finish('session_over');
      },
    };
    this.#open.add(one);
    if (this.#isOver) one.end();
    channel.on('error', () => undefined);
    channel.on('close', () => {
      finish('closed');
    });
    return { stream: channel };
  }
}

interface About {
  readonly tunnel: number;
  readonly destination: string;
  readonly opened_by: string;
}

function refused(destination: string, expected: string, cause?: unknown): RelayError {
  const said = cause instanceof Error ? ` (${quote(cause.message)})` : '';
  const hint =
    "a profile lists the destinations of its tunnels, and something in the sandbox must listen there; see the sandbox's sshd log";
  return new RelayError('refused', { expected, got: `${quote(destination)}${said}`, hint }, { cause });
}
