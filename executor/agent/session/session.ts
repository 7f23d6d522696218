import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { canonicalJson } from '../../protocol/canonical.ts';
import { AuditLog } from '../audit/log.ts';
import { AuditUnavailable, openAuditSink, Unrecorded } from '../audit/sink.ts';
import { CATALOGUE } from '../catalogue.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { errnoOf } from '../failure.ts';
import type { Guest } from '../guest.ts';
import { readLogin, type TaskLogin } from '../login/login.ts';
import { useOnce } from '../login/revoked.ts';
import { AGENT_VERSION } from '../version.ts';
import { Ending, type EndReason } from './ending.ts';
import { refuseSession, sayFarewell } from './farewell.ts';
import { Inbox } from './inbox.ts';
import { LineTooLong, readLines } from './lines.ts';
import { OutputClosed, sendLine } from './outbox.ts';
import { serveRevocation } from './revocation.ts';
import { serveLine, type Serving } from './serve.ts';

/** A session's ends: sshd's, or a test's. */
export interface SessionIo {
  readonly input: AsyncIterable<Buffer>;
  readonly output: Writable;
  /** What SSH_USER_AUTH names. */
  readonly authenticationFile: string | undefined;
  /** Aborted when the process is told to go. */
  readonly terminated: AbortSignal;
}

/**
 * One session: find out who is here and what was granted, let nobody else come with the same certificate, then answer line after line until the input ends, the grant expires, or nothing
 * can be recorded or sent any more. Never throws; the exit code says how it ended.
 */
export async function runSession(io: SessionIo, guest: Guest): Promise<ExitCode> {
  try {
    using closing = new DisposableStack();
    const login = readLogin(guest, io.authenticationFile);
    useOnce(guest, login.caBlob, login.serial);
    const log = new AuditLog(closing.use(await openAuditSink(guest)), guest.now);
    if (login.kind === 'revoke') return await serveRevocation(io, guest, login, log);
    await recordOpening(log, login);
    const ending = closing.use(new Ending(guest, login.endsAt));
    return await converse(io, guest, login, log, ending);
  } catch (error) {
    return await refuseSession(io.output, guest, error);
  }
}

async function converse(
  io: SessionIo,
  guest: Guest,
  login: TaskLogin,
  log: AuditLog,
  ending: Ending,
): Promise<ExitCode> {
  const { run_id, task_id } = login.grant;
  watchEnds(io, ending);
  const inbox = new Inbox(readLines(io.input), () => {
    ending.end('end_of_input');
  });
  const context = { guest, endsAt: login.endsAt, signal: ending.stop };
  const serving: Serving = { grant: login.grant, catalogue: CATALOGUE, log, context, lastId: 0, answered: 0 };
  let reason = await serveUntilEnd(inbox, serving, io.output, ending);
  try {
    await log.append({ event: 'session_closed', run_id, task_id, reason, answered: serving.answered });
  } catch (error) {
    if (!(error instanceof AuditUnavailable)) throw error;
    reason = 'audit_unavailable';
  }
  await sayFarewell(io.output, reason);
  return EXIT_BY_REASON[reason];
}

function watchEnds({ output, terminated }: SessionIo, ending: Ending): void {
  const onTerminated = (): void => {
    ending.end('terminated');
  };
  terminated.addEventListener('abort', onTerminated, { once: true });
  if (terminated.aborted) onTerminated();
  output.on('error', () => {
    ending.end('connection_lost');
  });
}

/** Lines in the order they came, each after the one before is answered. */
async function serveUntilEnd(inbox: Inbox, serving: Serving, output: Writable, ending: Ending): Promise<EndReason> {
  const { promise: cutOff, resolve } = Promise.withResolvers<undefined>();
  ending.cutOff.addEventListener('abort', () => {
    resolve(undefined);
  });
  try {
    while (!ending.cutOff.aborted) {
      const line = await Promise.race([inbox.take(), cutOff]);
      if (line === undefined) break;
      await sendLine(output, await serveLine(line, serving), ending.cutOff);
      serving.answered++;
    }
    return ending.reason ?? 'end_of_input';
  } catch (error) {
    if (error instanceof Unrecorded) await sendLine(output, error.answer, ending.cutOff).catch(reasonOf);
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): EndReason {
  if (error instanceof LineTooLong) return 'protocol_violation';
  if (error instanceof OutputClosed || errnoOf(error) !== undefined) return 'connection_lost';
  if (error instanceof AuditUnavailable) {
    console.error(error.message);
    return 'audit_unavailable';
  }
  console.error(error);
  return 'internal';
}

async function recordOpening(log: AuditLog, { grant, keyId, serial, endsAt }: TaskLogin): Promise<void> {
  await log.append({
    event: 'session_open',
    run_id: grant.run_id,
    task_id: grant.task_id,
    requester: grant.requester,
    machine_id: grant.machine_id,
    serial,
    key_id: keyId,
    grant_sha256: createHash('sha256').update(canonicalJson(grant)).digest('hex'),
    expires_at: endsAt,
    agent: { version: AGENT_VERSION, pid: process.pid, uid: process.getuid?.() ?? -1 },
  });
}

const EXIT_BY_REASON: Readonly<Record<EndReason, ExitCode>> = {
  end_of_input: EXIT.ended,
  expired: EXIT.expired,
  protocol_violation: EXIT.protocolViolation,
  connection_lost: EXIT.connectionLost,
  terminated: EXIT.terminated,
  audit_unavailable: EXIT.auditUnavailable,
  internal: EXIT.internal,
};
