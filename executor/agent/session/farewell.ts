import type { Writable } from 'node:stream';
import type { Failure, Refusal } from '../../protocol/error.ts';
import { AuditLog } from '../audit/log.ts';
import { AuditUnavailable, openAuditSink } from '../audit/sink.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Guest } from '../guest.ts';
import { LoginRefused } from '../login/refused.ts';
import type { EndReason } from './ending.ts';
import { encodeAnswer, OutputClosed, sendLine } from './outbox.ts';

/** There is no session: says and records why. Gives the exit code. */
export async function refuseSession(output: Writable, guest: Guest, error: unknown): Promise<ExitCode> {
  if (error instanceof LoginRefused) {
    await recordRefusal(guest, error.refusal);
    await say(output, error.refusal);
    return error.refusal.code === 'GUEST_FACTS_MISSING' ? EXIT.noFacts : EXIT.refused;
  }
  if (!(error instanceof AuditUnavailable)) {
    console.error(error);
    return EXIT.internal;
  }
  console.error(error.message);
  await say(output, AUDIT_UNAVAILABLE);
  return EXIT.auditUnavailable;
}

/** The session is over for a reason that the relay may not know: the last line names it. */
export async function sayFarewell(output: Writable, reason: EndReason): Promise<void> {
  const refusal = FAREWELLS[reason];
  if (refusal !== undefined) await say(output, refusal);
}

/** A line that nobody takes any more changes nothing. */
async function say(output: Writable, error: Refusal): Promise<void> {
  try {
    await sendLine(output, encodeAnswer({ id: null, status: 'refused', error }), AbortSignal.abort());
  } catch (cause) {
    if (!(cause instanceof OutputClosed)) throw cause;
  }
}

/** Nothing has run, so a refusal that cannot be recorded is still a refusal. */
async function recordRefusal(guest: Guest, { code }: Refusal): Promise<void> {
  try {
    using sink = await openAuditSink(guest);
    await new AuditLog(sink, guest.now).append({ event: 'session_refused', code });
  } catch (error) {
    if (!(error instanceof AuditUnavailable)) throw error;
    console.error(error.message);
  }
}

/** What is said when a record cannot be written. */
export const AUDIT_UNAVAILABLE = {
  code: 'AUDIT_UNAVAILABLE',
  expected: 'a sink that takes audit records',
  got: 'none',
  hint: 'without a record nothing runs; look at the port and at who reads it',
} as const satisfies Refusal & Failure;

const FAREWELLS: Readonly<Partial<Record<EndReason, Refusal>>> = {
  expired: {
    code: 'GRANT_EXPIRED',
    expected: 'a session within its grant',
    got: 'its expiry',
    hint: 'ask for a new run',
  },
  protocol_violation: {
    code: 'LINE_TOO_LONG',
    expected: 'lines within LINE_MAX_BYTES',
    got: 'a longer one',
    hint: 'what follows cannot be told apart; open a new session',
  },
  audit_unavailable: AUDIT_UNAVAILABLE,
};
