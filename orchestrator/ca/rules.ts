import { isIP } from 'node:net';
import {
  canonicalJson,
  Grant,
  GRANT_EXTENSION,
  GRANT_MAX_BYTES,
  MachineId,
  RunId,
  TaskId,
} from '../../executor/protocol/index.ts';
import type { CertificateBody, CertificateOption } from './certificate.ts';
import { CaError, type CaErrorCode } from './errors.ts';
import { CERTIFICATE_KINDS, KEY_ID_MAX_CHARS, NONCE_BYTES, TTL_MIN_SECONDS } from './kinds.ts';
import type { Order } from './order.ts';

/** One rule: throws a CaError when the certificate breaks it. */
export type Rule = (certificate: CertificateBody, order: Order) => void;

/** All rules, in the order in which they are asked: once before signing, once over the finished bytes. */
export const RULES: readonly Rule[] = [
  isForUsers,
  isForThisKey,
  isFromThisCa,
  hasSerial,
  hasNonce,
  hasPlainKeyId,
  namesOneMachine,
  livesBriefly,
  livesNow,
  hasExactlyTheCriticalOptions,
  forcesTheCommand,
  admitsOneSource,
  hasExactlyTheExtensions,
  carriesTheGrant,
];

/** Asks every rule. */
export function checkRules(certificate: CertificateBody, order: Order): void {
  for (const rule of RULES) rule(certificate, order);
}

/** sshd takes a host certificate for no login, and no host certificate is ever ours. */
export function isForUsers({ type }: CertificateBody): void {
  if (type !== 'user') throw broken('certificate_type', 'a user certificate', type);
}

export function isForThisKey({ subjectKey }: CertificateBody, { subjectKey: ordered, caKey }: Order): void {
  if (!subjectKey.equals(ordered)) throw broken('subject_key', "the run's key", 'another key');
  if (subjectKey.equals(caKey)) throw broken('subject_key', "the run's own key", "the CA's key");
}

export function isFromThisCa({ caKey }: CertificateBody, order: Order): void {
  if (!caKey.equals(order.caKey)) throw broken('ca_key', "this CA's key", 'another key');
}

/** Revocation goes by serial, and zero means "has none". */
export function hasSerial({ serial }: CertificateBody): void {
  if (serial < 1n || serial >= 1n << 64n) throw broken('serial', 'a serial from 1 to 2^64 - 1', String(serial));
}

export function hasNonce({ nonce }: CertificateBody): void {
  if (nonce.length !== NONCE_BYTES) throw broken('nonce', `${NONCE_BYTES} bytes`, String(nonce.length));
}

/** A key id reaches sshd's log unescaped, so it holds nothing that could start a line or a field of its own. */
export function hasPlainKeyId({ keyId }: CertificateBody, order: Order): void {
  const isPlain = /^[A-Za-z0-9._:=-]+$/.test(keyId) && keyId.length <= KEY_ID_MAX_CHARS;
  if (!isPlain) throw broken('key_id', `1 to ${KEY_ID_MAX_CHARS} of A-Z a-z 0-9 . _ : = -`, quote(keyId));
  const named =
    RunId.safeParse(order.runId).success && (order.taskId === undefined || TaskId.safeParse(order.taskId).success);
  if (!named) throw broken('key_id', 'a run id and a task id', quote(keyId));
  if (keyId !== order.keyId) throw broken('key_id', order.keyId, quote(keyId));
}

/** An empty list of principals once meant "anyone", and two are one too many. */
export function namesOneMachine({ principals }: CertificateBody, { machineId, principal }: Order): void {
  if (!MachineId.safeParse(machineId).success)
    throw broken('machine_id_invalid', 'a UUID or an instance id', quote(machineId));
  if (principals.length !== 1 || principals[0] !== principal) {
    throw broken('principal', `only ${principal}`, quote(principals.join(',')));
  }
}

export function livesBriefly({ validBefore }: CertificateBody, { kind, now }: Order): void {
  const [ttl, most] = [validBefore - now, CERTIFICATE_KINDS[kind].ttlMaxSeconds];
  if (!Number.isSafeInteger(ttl) || ttl < TTL_MIN_SECONDS || ttl > most) {
    throw broken('validity', `a TTL from ${TTL_MIN_SECONDS} to ${most} s`, `${ttl} s`);
  }
}

export function livesNow({ validAfter, validBefore }: CertificateBody, order: Order): void {
  if (validAfter !== order.validAfter || validBefore !== order.validBefore) {
    throw broken('validity', `from ${order.validAfter} to ${order.validBefore}`, `${validAfter} to ${validBefore}`);
  }
}

export function hasExactlyTheCriticalOptions({ criticalOptions }: CertificateBody): void {
  const names = namesOf(criticalOptions);
  if (names !== 'force-command,source-address')
    throw broken('critical_options', 'force-command,source-address', quote(names));
}

export function forcesTheCommand({ criticalOptions }: CertificateBody, { kind }: Order): void {
  const command = valueOf(criticalOptions, 'force-command');
  const expected = CERTIFICATE_KINDS[kind].forceCommand;
  if (command !== expected) throw broken('force_command', expected, quote(command));
}

/** One exact address. A range, even a small one, would let a neighbour use a stolen certificate. */
export function admitsOneSource({ criticalOptions }: CertificateBody, { sourceAddress }: Order): void {
  const address = valueOf(criticalOptions, 'source-address');
  if (address === undefined || isIP(address) === 0 || address.includes('%')) {
    throw broken('source_address', 'one IP address, without a range', quote(address));
  }
  if (address !== sourceAddress) throw broken('source_address', sourceAddress, quote(address));
}

/** Leave to forward only where the grant names tunnels: it is the certificate's half of what PermitOpen says on the other side. */
export function hasExactlyTheExtensions({ extensions }: CertificateBody, { kind, hasTunnels }: Order): void {
  const expected = CERTIFICATE_KINDS[kind][hasTunnels ? 'withTunnels' : 'extensions'].join(',');
  const names = namesOf(extensions);
  if (names !== expected) throw broken('extensions', expected === '' ? 'none' : expected, quote(names));
}

/** The grant is read back from the certificate: canonical, complete, of this run, on this machine, and over no later than the login. */
export function carriesTheGrant({ extensions, validBefore }: CertificateBody, order: Order): void {
  if (order.grant === undefined) return;
  const json = valueOf(extensions, GRANT_EXTENSION) ?? '';
  if (json !== order.grant.json) throw broken('grant', "the order's grant", quote(json));
  if (Buffer.byteLength(json) > GRANT_MAX_BYTES)
    throw broken('grant', `at most ${GRANT_MAX_BYTES} bytes`, String(json.length));
  const { success, data: grant, error } = Grant.safeParse(JSON.parse(json));
  if (!success)
    throw broken('grant', 'a complete grant and nothing else', error.issues.map((issue) => issue.message).join('; '));
  if (canonicalJson(grant) !== json) throw broken('grant', 'canonical JSON', quote(json));
  const ids = [grant.run_id, grant.task_id, grant.machine_id].join(' ');
  const ordered = [order.runId, order.taskId, order.machineId].join(' ');
  if (ids !== ordered) throw broken('grant', `a grant of ${ordered}`, ids);
  if ((grant.tunnels !== undefined) !== order.hasTunnels)
    throw broken('grant', 'tunnels where they were ordered and nowhere else', 'one without the other');
  if (grant.expires_at <= order.now || grant.expires_at > validBefore) {
    throw broken('grant', `an expiry after ${order.now} and not after ${validBefore}`, String(grant.expires_at));
  }
}

function valueOf(options: readonly CertificateOption[], name: string): string | undefined {
  return options.find((option) => option.name === name)?.value;
}

function namesOf(options: readonly CertificateOption[]): string {
  return options.map(({ name }) => name).join(',');
}

function broken(code: CaErrorCode, expected: string, got: string): CaError {
  return new CaError(code, {
    expected,
    got,
    hint: 'the CA signs only what every rule in orchestrator/ca/rules.ts allows',
  });
}

function quote(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
