import type { Duplex } from 'node:stream';
import { LINE_MAX_BYTES, type ActionRequest, type Answer } from '../../executor/protocol/index.ts';
import { readAnswer, readUnasked } from './answers.ts';
import type { Connection } from './connect.ts';
import { closed, quote, RelayError, type RelayErrorCode, violation } from './errors.ts';
import { OVERHEAD_MAX_BYTES } from './limits.ts';
import { LineCutter } from './lines.ts';
import type { EndReason, RequestOptions, Session, SessionEnd } from './session.ts';
import { StderrExcerpt } from './stderr-excerpt.ts';
import { Tunnels } from './tunnels.ts';
import { endEvent, lineEvent, type TranscriptEvent } from './transcript.ts';
import { actionTimeout, cancelled } from './translate.ts';
import { waitFor } from './wait.ts';

interface SessionOptions {
  readonly closeMs: number;
  readonly tunnelMs: number;
  /** Where the grant lets tunnels lead. */
  readonly tunnels: readonly string[];
}

interface Pending {
  readonly request: ActionRequest;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** What a line of the executor's ends the session for, where it breaks nothing. */
const REASONS: Readonly<Partial<Record<RelayErrorCode, EndReason>>> = {
  refused: 'refused',
  certificate_expired: 'expired',
};

/**
 * The session, a machine of three states:
 *
 *   idle ⇄ asking ─▶ over
 *     ╰───────────────▲
 *
 * idle    nothing is asked, so nothing may come: a line means that the executor refuses the session, or breaks the protocol.
 * asking  one request is out, and exactly one line may come.
 * over    with one reason, the first. The link is torn down, the request in flight rejected, and nothing leads out.
 */
export class ExecutorSession implements Session {
  readonly ended: Promise<SessionEnd>;
  readonly #connection: Connection;
  readonly #record: (event: TranscriptEvent) => void;
  readonly #closeMs: number;
  readonly #resolveEnded: (end: SessionEnd) => void;
  readonly #lines = new LineCutter();
  readonly #stderr = new StderrExcerpt();
  readonly #tunnels: Tunnels;
  #pending: Pending | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<SessionEnd> | undefined;
  #end: SessionEnd | undefined;
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(connection: Connection, record: (event: TranscriptEvent) => void, options: SessionOptions) {
    this.#connection = connection;
    this.#record = record;
    this.#closeMs = options.closeMs;
    const { tunnels: destinations, tunnelMs: timeoutMs } = options;
    this.#tunnels = new Tunnels(connection.link, { destinations, timeoutMs }, (event) => {
      this.note(event);
    });
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#listen();
  }

  request(request: ActionRequest, options: RequestOptions): Promise<Answer> {
    if (this.#closing !== undefined) return Promise.reject(closed('one that is being closed'));
    const turn = this.#turn.then(() => this.#ask(request, options));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async tunnel(destination: string, openedBy: string): Promise<Duplex> {
    if (this.#end !== undefined) throw this.#end.error ?? closed('a closed one');
    return (await this.#tunnels.open(destination, openedBy)).stream;
  }

  close(): Promise<SessionEnd> {
    this.#closing ??= this.#closeInOrder();
    return this.#closing;
  }

  /** Ends the session at once; the first reason is the one that counts. */
  end(reason: EndReason, error?: RelayError, exitCode: number | null = null): void {
    if (this.#end !== undefined) return;
    const bytes = { bytesSent: this.#bytesSent, bytesReceived: this.#bytesReceived };
    const end = { reason, exitCode, ...bytes, stderr: this.#stderr.text, stderrBytes: this.#stderr.bytes, error };
    this.#end = end;
    this.#tunnels.end();
    this.#pending?.reject(error ?? closed(reason));
    this.#pending = undefined;
    if (reason !== 'closed') this.#connection.link.break(error ?? closed(reason));
    this.#resolveEnded(this.#recordEnd(end));
  }

  #listen(): void {
    const { channel, link } = this.#connection;
    link.onBreak((error) => {
      this.#onBreak(error);
    });
    channel.on('error', (error: Error) => {
      this.#onBreak(error);
    });
    channel.on('data', (chunk: Buffer) => {
      this.#judge(() => {
        this.#onStdout(chunk);
      });
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      this.#judge(() => {
        this.#connection.link.credit(chunk.length);
        this.#stderr.add(chunk);
      });
    });
    channel.on('close', (exitCode?: number | null) => {
      this.#onExit(exitCode ?? null);
    });
  }

  async #ask(request: ActionRequest, { timeoutMs, signal }: RequestOptions): Promise<Answer> {
    const line = JSON.stringify(request);
    this.#checkReady(line, signal);
    this.note(lineEvent('request', line));
    const onTimeout = () => actionTimeout(request, timeoutMs);
    try {
      return await waitFor<Answer>({ timeoutMs, signal, onTimeout, onAbort: cancelled }, (resolve, reject) => {
        this.#pending = { request, resolve, reject };
        this.#connection.link.allow(OVERHEAD_MAX_BYTES);
        this.#bytesSent += Buffer.byteLength(line) + 1;
        this.#connection.channel.write(`${line}\n`);
      });
    } catch (error) {
      if (error instanceof RelayError)
        this.end(error.code === 'action_timeout' ? 'action_timeout' : 'cancelled', error);
      throw error;
    } finally {
      this.#pending = undefined;
      this.#connection.link.allow(OVERHEAD_MAX_BYTES);
    }
  }

  #checkReady(line: string, signal: AbortSignal | undefined): void {
    if (this.#end !== undefined) throw this.#end.error ?? closed('a closed one');
    if (signal?.aborted === true) throw cancelled(signal);
    const bytes = Buffer.byteLength(line);
    if (bytes > LINE_MAX_BYTES) {
      const hint = 'nothing was sent; send less at once';
      throw new RelayError('refused', {
        expected: `a request of at most ${LINE_MAX_BYTES} bytes`,
        got: String(bytes),
        hint,
      });
    }
  }

  #onStdout(chunk: Buffer): void {
    this.#bytesReceived += chunk.length;
    if (this.#pending !== undefined) this.#connection.link.credit(chunk.length);
    for (const line of this.#lines.push(chunk)) {
      this.note(lineEvent('answer', line));
      const pending = this.#pending;
      if (pending === undefined) throw readUnasked(line);
      const answer = readAnswer(line, pending.request);
      this.#pending = undefined;
      pending.resolve(answer);
    }
  }

  /** What a listener throws ends the session; it must never reach ssh2, which would call it an error of its own. */
  #judge(listener: () => void): void {
    if (this.#end !== undefined) return;
    try {
      listener();
    } catch (error) {
      const failure = error instanceof RelayError ? error : violation('what can be read', quote(String(error)), error);
      this.end(REASONS[failure.code] ?? 'protocol_violation', failure);
    }
  }

  /** Adds an event to the transcript: what cannot be recorded does not happen. */
  note(event: TranscriptEvent): void {
    try {
      this.#record(event);
    } catch (cause) {
      const error = closed('one whose transcript cannot be kept', cause);
      this.end('transcript_failed', error);
      throw error;
    }
  }

  #onBreak(error: Error): void {
    if (!(error instanceof RelayError))
      this.end('connection_lost', closed(`a broken connection (${quote(error.message)})`, error));
    else this.end(error.code === 'closed' ? 'connection_lost' : 'protocol_violation', error);
  }

  #onExit(exitCode: number | null): void {
    if (this.#closing !== undefined && this.#pending === undefined) this.end('closed', undefined, exitCode);
    const said = this.#stderr.bytes === 0 ? '' : `, saying ${quote(this.#stderr.text)}`;
    this.end('executor_exited', closed(`an executor that exited with ${exitCode ?? 'no status'}${said}`), exitCode);
  }

  async #closeInOrder(): Promise<SessionEnd> {
    await this.#turn;
    const onTimeout = () => closed(`an executor that did not exit within ${this.#closeMs} ms of its end of input`);
    await waitFor<SessionEnd>({ timeoutMs: this.#closeMs, onTimeout, onAbort: cancelled }, (resolve) => {
      void this.ended.then(resolve);
      if (this.#end === undefined) this.#connection.channel.end();
    }).catch((error: unknown) => {
      this.end('close_timeout', error instanceof RelayError ? error : undefined);
    });
    await this.#connection.link.end();
    return this.ended;
  }

  #recordEnd(end: SessionEnd): SessionEnd {
    try {
      this.#record(endEvent(end));
      return end;
    } catch (cause) {
      return { ...end, reason: 'transcript_failed', error: closed('one whose transcript cannot be kept', cause) };
    }
  }
}
