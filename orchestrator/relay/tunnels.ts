import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { portOf } from '../../executor/protocol/index.ts';
import { closed, quote, RelayError } from './errors.ts';
import { forwardOut } from './forward-out.ts';
import { TUNNEL_WINDOW_BYTES, TUNNELS_OPEN_MAX } from './limits.ts';
import type { Link } from './link.ts';
import type { TranscriptEvent } from './transcript.ts';
import { cancelled } from './translate.ts';

const LOOPBACK = '127.0.0.1';

/** One connection through the relay's own to one destination inside the sandbox. Ends with the session at the latest. */
export interface Tunnel {
  readonly stream: Duplex;
}

/** One connection from the moment it is asked for. */
interface Open {
  readonly tunnel: number;
  readonly destination: string;
  readonly bytes: { bytes_in: number; bytes_out: number };
  channel: ClientChannel | undefined;
  isOver: boolean;
}

/**
 * The select pipes of a session: to the destinations that the grant in its certificate names, and nowhere else. sshd decides the same by its own
 * list. Each connection is in the transcript before a byte passes, and again at its end with the bytes that went each way. One that sshd has not
 * answered counts as open: it is memory set aside, too.
 */
export class Tunnels {
  readonly #link: Link;
  readonly #destinations: readonly string[];
  readonly #timeoutMs: number;
  readonly #note: (event: TranscriptEvent) => void;
  readonly #open = new Set<Open>();
  #count = 0;
  #isOver = false;

  constructor(link: Link, { destinations, timeoutMs }: TunnelOptions, note: (event: TranscriptEvent) => void) {
    this.#link = link;
    this.#destinations = destinations;
    this.#timeoutMs = timeoutMs;
    this.#note = note;
  }

  /** Opens one. Rejects with RelayError: `refused` by us or by the sandbox, `closed` when the session is over. */
  async open(destination: string, openedBy: string): Promise<Tunnel> {
    const one = this.#begin(destination, openedBy);
    try {
      return this.#carry(await this.#connect(one), one);
    } catch (cause) {
      this.#finish(one, 'refused');
      throw cause instanceof RelayError ? cause : refused(destination, 'sshd to reach it', cause);
    }
  }

  /** The session is over, and every tunnel with it. */
  end(): void {
    this.#isOver = true;
    for (const one of this.#open) this.#finish(one, 'session_over');
  }

  #begin(destination: string, openedBy: string): Open {
    const tunnel = (this.#count += 1);
    const about = { tunnel, destination, opened_by: openedBy };
    if (this.#isOver) throw closed('one that is over');
    if (this.#open.size >= TUNNELS_OPEN_MAX)
      throw refused(destination, `at most ${TUNNELS_OPEN_MAX} connections at once`);
    if (!this.#destinations.includes(destination)) {
      this.#note({ event: 'tunnel_refused', ...about });
      throw refused(destination, `one of ${this.#destinations.join(', ') || 'no destinations'}`);
    }
    this.#note({ event: 'tunnel_opened', ...about });
    const bytes = { bytes_in: 0, bytes_out: 0 };
    const one: Open = { tunnel, destination, bytes, channel: undefined, isOver: false };
    this.#open.add(one);
    this.#link.reserve(TUNNEL_WINDOW_BYTES);
    return one;
  }

  #connect({ destination }: Open): Promise<ClientChannel> {
    const onTimeout = () => refused(destination, `sshd to reach it within ${this.#timeoutMs} ms`);
    const patience = { timeoutMs: this.#timeoutMs, onTimeout, onAbort: cancelled };
    return forwardOut(this.#link.client, { host: LOOPBACK, port: portOf(destination) }, patience);
  }

  #carry(channel: ClientChannel, one: Open): Tunnel {
    const { bytes } = one;
    channel.on('error', () => undefined);
    if (one.isOver) {
      channel.destroy();
      throw closed('one that is over');
    }
    one.channel = channel;
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
    channel.on('close', () => {
      this.#finish(one, 'closed');
    });
    return { stream: channel };
  }

  /** Once for each, whoever comes first. */
  #finish(one: Open, reason: 'closed' | 'session_over' | 'refused'): void {
    if (!this.#open.delete(one)) return;
    const { tunnel, destination, bytes, channel } = one;
    one.isOver = true;
    this.#link.reserve(-TUNNEL_WINDOW_BYTES);
    channel?.destroy();
    try {
      this.#note({ event: 'tunnel_closed', tunnel, destination, ...bytes, reason });
    } catch {
      // What cannot be recorded has ended the session already, and says so there.
    }
  }
}

interface TunnelOptions {
  /** Where the grant lets tunnels lead. */
  readonly destinations: readonly string[];
  /** How long sshd may take to open one. */
  readonly timeoutMs: number;
}

function refused(destination: string, expected: string, cause?: unknown): RelayError {
  const said = cause instanceof Error ? ` (${quote(cause.message)})` : '';
  const hint =
    "a profile lists the destinations of its tunnels, and something in the sandbox must listen there; see the sandbox's sshd log";
  return new RelayError('refused', { expected, got: `${quote(destination)}${said}`, hint }, { cause });
}
