import type { Duplex } from 'node:stream';
import type { ActionRequest, Answer } from '../../executor/protocol/index.ts';
import type { RelayError } from './errors.ts';

/** One login's conversation with the executor. */
export interface Session {
  /**
   * Sends one request and waits for its answer; requests wait for each other. Rejects with RelayError. A request that was sent and got
   * no answer (deadline, abort) ends the session, because nobody can tell any more which answer belongs to what.
   */
  request(request: ActionRequest, options: RequestOptions): Promise<Answer>;
  /**
   * Opens one connection to a destination inside the sandbox, as the grant names it, through this session's own. It ends with the session. Who
   * opened it and how much went each way is in the transcript. Rejects with RelayError.
   */
  tunnel(destination: string, openedBy: string): Promise<Duplex>;
  /** Ends the session in good order: the last request, end of input, the executor's exit. Never rejects; safe to call again. */
  close(): Promise<SessionEnd>;
  /** Resolves when the session is over, however that came; never rejects. */
  readonly ended: Promise<SessionEnd>;
}

export interface RequestOptions {
  /** From the moment the request is sent. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** How a session ended. Bytes are those of the channel: requests sent, answers received. */
export interface SessionEnd {
  readonly reason: EndReason;
  /** The executor's exit status; null when it did not say or a signal ended it. */
  readonly exitCode: number | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** The start of what the executor wrote to stderr, and how much there was in all. Written by the guest: untrusted text. */
  readonly stderr: string;
  readonly stderrBytes: number;
  /** What every later request is told; undefined after an end that was wanted. */
  readonly error: RelayError | undefined;
}

/** Why a session is over. `closed` is the only one that was wanted. */
export type EndReason =
  | 'closed'
  | 'close_timeout'
  | 'expired'
  | 'cancelled'
  | 'refused'
  | 'action_timeout'
  | 'protocol_violation'
  | 'executor_exited'
  | 'connection_lost'
  | 'transcript_failed';
