import { createHash } from 'node:crypto';
import type { RelayErrorCode } from './errors.ts';
import type { EndReason, SessionEnd } from './session.ts';

/** What the relay witnessed, in order: one object an event, ready to be a line of the transcript. */
export type TranscriptRecord = { readonly seq: number; readonly at_ms: number } & TranscriptEvent;

export type TranscriptEvent =
  | {
      readonly event: 'connected';
      readonly host_key: string;
      readonly serial: string;
      readonly key_id: string;
      readonly handshake_ms: number;
    }
  /** A login that copies a log of the guest out: its file at the end, or all along what is written to it. */
  | {
      readonly event: 'log_connected';
      readonly log: string;
      readonly serial: string;
      readonly key_id: string;
      readonly handshake_ms: number;
    }
  /** How that ended, and what came: all of the file only where `reason` is `complete`. */
  | {
      readonly event: 'log_fetched';
      readonly log: string;
      readonly reason: FetchReason;
      readonly bytes: number;
      readonly sha256: string;
    }
  /** A line sent or received, whole and without its newline; `bytes` and `sha256` are of that line. */
  | { readonly event: 'request' | 'answer'; readonly bytes: number; readonly sha256: string; readonly line: string }
  /** One connection through a tunnel, before its first byte and at its end; `in` is into the sandbox. */
  | {
      readonly event: 'tunnel_opened' | 'tunnel_refused';
      readonly tunnel: number;
      readonly destination: string;
      readonly opened_by: string;
    }
  | {
      readonly event: 'tunnel_closed';
      readonly tunnel: number;
      readonly destination: string;
      readonly bytes_in: number;
      readonly bytes_out: number;
      readonly reason: 'closed' | 'session_over' | 'refused';
    }
  /** A login that only told sshd which certificates are over. */
  | { readonly event: 'revoked'; readonly serial: string; readonly key_id: string; readonly serials: readonly string[] }
  | {
      readonly event: 'ended';
      readonly reason: EndReason;
      readonly exit_code: number | null;
      readonly bytes_sent: number;
      readonly bytes_received: number;
      readonly stderr: string;
      readonly stderr_bytes: number;
      readonly error_code: RelayErrorCode | null;
    };

/** Why a fetch ended. `complete` is the only one after which all of the file is there. */
export type FetchReason = 'complete' | 'too_long' | 'timeout' | 'failed' | 'connection_lost';

/** Takes one record; throws when it cannot keep it, and then nothing is sent. */
export type OnRecord = (record: TranscriptRecord) => void;

/** Numbers and times the events of one session. */
export function createTranscript(onRecord: OnRecord): (event: TranscriptEvent) => void {
  let seq = 0;
  return (event) => {
    seq += 1;
    onRecord({ seq, at_ms: Date.now(), ...event });
  };
}

/** The event of one line. */
export function lineEvent(event: 'request' | 'answer', line: string): TranscriptEvent {
  return { event, bytes: Buffer.byteLength(line), sha256: createHash('sha256').update(line).digest('hex'), line };
}

/** The event of a session's end. */
export function endEvent(end: SessionEnd): TranscriptEvent {
  return {
    event: 'ended',
    reason: end.reason,
    exit_code: end.exitCode,
    bytes_sent: end.bytesSent,
    bytes_received: end.bytesReceived,
    stderr: end.stderr,
    stderr_bytes: end.stderrBytes,
    error_code: end.error?.code ?? null,
  };
}
