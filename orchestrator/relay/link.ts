import type { Duplex } from 'node:stream';
import ssh2, { type Client } from 'ssh2';
import { violation } from './errors.ts';
import { HANDSHAKE_MAX_BYTES } from './limits.ts';
import { dropped, type Stage } from './translate.ts';

/** What the other side has to close its half after our goodbye. */
const GOODBYE_MS = 1_000;

/**
 * One socket with SSH on it, from the first byte to the last. It breaks once, with the first reason, and is torn down at once then.
 *
 * It counts what arrives, below SSH, against what there is a reason for (the handshake, an answer, a little overhead). ssh2 does not enforce its own
 * windows, answers every global request and reads banners without end; all of that costs memory or time in proportion to bytes,
 * so one count bounds it all.
 */
export class Link {
  readonly client: Client = new ssh2.Client();
  stage: Stage = 'exchanging keys';
  #budget = HANDSHAKE_MAX_BYTES;
  #reserved = 0;
  #error: Error | undefined;
  #onBreak: (error: Error) => void = () => undefined;
  readonly #socket: Duplex;
  #isClosed = false;
  readonly #closed = Promise.withResolvers<undefined>();

  constructor(socket: Duplex) {
    this.#socket = socket;
    // A way through the relay host is an ssh2 channel: it says so when it closes, and its own `closed` never becomes true.
    socket.once('close', () => {
      this.#isClosed = true;
      this.#closed.resolve(undefined);
    });
    socket.on('data', (chunk: Buffer) => {
      this.#budget -= chunk.length;
      if (this.#budget < 0)
        this.break(violation('no more bytes than there is a reason for', `a flood while ${this.stage}`));
    });
    // ssh2 goes on reporting errors after the first, and one without a listener would end the process.
    this.client.on('error', (error: Error) => {
      this.break(error);
    });
    this.client.on('close', () => {
      this.break(dropped(this.stage));
    });
  }

  /** The socket, for ssh2 to work on. */
  get socket(): Duplex {
    return this.#socket;
  }

  /** Starts a new count: this many bytes may arrive, beside those that are credited. */
  allow(bytes: number): void {
    this.#budget = bytes + this.#reserved;
  }

  /** Sets bytes aside beside every count, for what may be on the way in a tunnel; gives them back when negative. */
  reserve(bytes: number): void {
    this.#reserved += bytes;
    this.#budget += bytes;
  }

  /** Output came that was wanted, or that is counted elsewhere: it is not overhead. */
  credit(bytes: number): void {
    this.#budget += bytes;
  }

  /** Calls back when the link breaks, or at once if it has. Only the last caller is told. */
  onBreak(listener: (error: Error) => void): void {
    this.#onBreak = listener;
    if (this.#error !== undefined) listener(this.#error);
  }

  /** Tears the link down; the first reason is the one that is told. */
  break(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#socket.destroy();
    this.#onBreak(error);
  }

  /** Says goodbye, so that sshd logs an end and not a loss, and resolves when the socket is closed, or when nobody closes it. */
  async end(): Promise<void> {
    if (this.#isClosed) return;
    const forced = setTimeout(() => this.#socket.destroy(), GOODBYE_MS);
    const givenUp = setTimeout(() => {
      this.#closed.resolve(undefined);
    }, 2 * GOODBYE_MS);
    this.client.end();
    await this.#closed.promise;
    clearTimeout(forced);
    clearTimeout(givenUp);
  }
}
