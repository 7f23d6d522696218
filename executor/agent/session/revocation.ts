import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Revocation, type Revoked } from '../../protocol/revocation.ts';
import type { AuditLog } from '../audit/log.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Guest } from '../guest.ts';
import type { RevokeLogin } from '../login/login.ts';
import { LoginRefused } from '../login/refused.ts';
import { revoke } from '../login/revoked.ts';
import { readLines } from './lines.ts';
import { sendLine } from './outbox.ts';
import { parseStrictJson } from './strict-json.ts';

/** The relay has its one line ready when it logs in. */
const LINE_TIMEOUT_MS = 10_000;
/** The longest line there can be: all serials at their longest, and room. */
const LINE_MAX_BYTES = 4 * 1024;

/** The ends of a login that revokes. */
interface RevocationIo {
  readonly input: AsyncIterable<Buffer>;
  readonly output: Writable;
}

/**
 * The login of the kind `revoke`: one line, one record, one answer, and out. It adds to the list that sshd reads and can take nothing off it.
 * Throws LoginRefused on any other line, AuditUnavailable when it cannot be recorded.
 */
export async function serveRevocation(
  { input, output }: RevocationIo,
  guest: Guest,
  { keyId, runId, serial, caBlob }: RevokeLogin,
  log: AuditLog,
): Promise<ExitCode> {
  const serials = await readSerials(input);
  revoke(guest, caBlob, serials);
  const record = { run_id: runId, key_id: keyId, serials: [serial, ...serials] };
  await log.append({ event: 'certificates_revoked', ...record });
  const answer: Revoked = { revoked: [...serials] };
  await sendLine(output, Buffer.from(JSON.stringify(answer)), AbortSignal.abort());
  return EXIT.ended;
}

async function readSerials(input: AsyncIterable<Buffer>): Promise<readonly string[]> {
  const lines = readLines(input, LINE_MAX_BYTES);
  const first = await Promise.race([lines.next(), sleep(LINE_TIMEOUT_MS, undefined, { ref: false })]);
  const text = first?.done === false && first.value.complete ? first.value.bytes.toString('latin1') : '';
  const json = parseStrictJson(text);
  const asked = Revocation.safeParse(json.ok ? json.value : undefined);
  if (asked.success) return asked.data.revoke;
  throw new LoginRefused(
    'REQUEST_INVALID',
    'one line {"revoke":[serial, …]}',
    'another line, or none',
    'a certificate of the kind `revoke` is good for nothing else',
  );
}
