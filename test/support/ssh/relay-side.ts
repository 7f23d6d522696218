import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson, Grant, GRANT_EXTENSION } from '../../../executor/protocol/index.ts';
import { readCertificateLine, type CertificateBody } from '../../../orchestrator/ca/certificate.ts';
import { createRunKey } from '../../../orchestrator/ca/index.ts';
import { mint } from '../../../orchestrator/ca/mint.ts';
import { orderAudit, orderRevoke } from '../../../orchestrator/ca/order.ts';
import { parsePublicKeyLine } from '../../../orchestrator/ca/public-key.ts';
import { connect, OpeningFailed } from '../../../orchestrator/relay/connect.ts';
import { fetchLog, openRelay, revokeInSandbox, type Session } from '../../../orchestrator/relay/index.ts';
import { DEADLINES } from '../../../orchestrator/relay/limits.ts';
import { parseLogin } from '../../../orchestrator/relay/login.ts';
import { translate } from '../../../orchestrator/relay/translate.ts';
import { forgeCertificate, RUN_ID, TASK_ID } from '../login.ts';
import { mintFor, SOURCE_ADDRESS, type Target, type Wanted } from './target.ts';

/** A handshake under emulation on a busy machine takes long; how long the relay waits is not what is tested here. */
export const PATIENT = { ...DEADLINES, handshakeMs: 60_000 };

/** The smallest request there is. */
export const HEALTH = { id: 1, task_id: TASK_ID, action: 'check_health', args: {} } as const;

/** A private key and a certificate for it. */
export interface Credentials {
  readonly privateKey: ReturnType<typeof createRunKey>['privateKey'];
  readonly certificate: string;
}

/** A login as the product mints it. */
export async function minted(target: Target, wanted: Wanted = {}): Promise<Credentials> {
  const { publicKeyLine, privateKey } = createRunKey();
  return { privateKey, certificate: await mintFor(target, publicKeyLine, wanted) };
}

let serial = 70_000n;

/** The same with changes that no rule allows, under a serial of its own. */
export async function forged(
  target: Target,
  changes: (body: CertificateBody) => Partial<CertificateBody>,
  signer = target.signer,
): Promise<Credentials> {
  const { publicKeyLine, privateKey } = createRunKey();
  const body = { ...readCertificateLine(await mintFor(target, publicKeyLine)), serial: (serial += 1n) };
  const caKey = parsePublicKeyLine(signer.publicKeyLine);
  return {
    privateKey,
    certificate: await forgeCertificate(signer, publicKeyLine, { ...body, caKey, ...changes(body) }),
  };
}

/** The relay's own way in. */
export function open(target: Target, credentials: Credentials, signal?: AbortSignal): Promise<Session> {
  const where = {
    address: { path: target.socket },
    hostKey: target.guest.hostKey,
    sshdLog: target.sshdLog,
    deadlines: PATIENT,
  };
  return openRelay({ ...where, ...credentials, ...(signal !== undefined && { signal }) });
}

/** Has the sandbox refuse these serials from now on, by a login that can do nothing else, which is given. */
export async function revokeFor(target: Target, serials: readonly string[]): Promise<Credentials> {
  const credentials = await mintedBy(target, orderRevoke);
  await revokeInSandbox({ ...wayIn(target), ...credentials, serials, onRecord: () => undefined });
  return credentials;
}

/** A login that can only copy logs out. */
export function mintedAudit(target: Target): Promise<Credentials> {
  return mintedBy(target, orderAudit);
}

/** How many bytes of the guest's own audit log such a login copies out. */
export async function copyLog(target: Target, credentials: Credentials): Promise<number> {
  const { content } = await fetchLog({ ...wayIn(target), ...credentials, log: 'audit', onRecord: () => undefined });
  return content.length;
}

async function mintedBy(target: Target, order: typeof orderAudit): Promise<Credentials> {
  const { publicKeyLine: publicKey, privateKey } = createRunKey();
  const { machineId } = target.guest;
  const request = { runId: RUN_ID, machineId, publicKey, sourceAddress: SOURCE_ADDRESS, ttlSeconds: 60 };
  const ordered = order({ ...request, now: new Date() }, parsePublicKeyLine(target.signer.publicKeyLine));
  return { privateKey, certificate: (await mint(ordered, target.signer)).certificateLine };
}

function wayIn({ socket, guest: { hostKey } }: Target) {
  return { address: { path: socket }, hostKey, deadlines: PATIENT };
}

/** What the relay's lower half logs in with. */
export function loginOf(target: Target, { privateKey, certificate: certificateLine }: Credentials) {
  const [address, { hostKey }] = [{ path: target.socket }, target.guest];
  return parseLogin({ address, hostKey, username: 'agent-runner', privateKey, certificateLine });
}

/** How sshd refuses what the relay itself would not even send. */
export async function refusal(target: Target, credentials: Credentials) {
  const login = loginOf(target, credentials);
  const before = (await target.sshdLog()).length;
  const error: unknown = await connect(login, PATIENT).catch((caught: unknown) => caught);
  if (!(error instanceof OpeningFailed)) throw new Error('expected a refusal', { cause: error });
  await sleep(200);
  const sshdLog = (await target.sshdLog()).slice(before);
  return { sshdLog, error: translate(error.cause, { stage: error.stage, certificate: login.certificate, sshdLog }) };
}

/** A certificate's grant changed; its key id too, where it is to fit. */
export function regrant(
  body: CertificateBody,
  change: (grant: Grant) => Grant,
  withKeyId: boolean,
): Partial<CertificateBody> {
  const grant = change(Grant.parse(JSON.parse(body.extensions[0]?.value ?? '')));
  const json = canonicalJson(grant);
  const keyId = `run=${grant.run_id}:task=${grant.task_id}:grant=${createHash('sha256').update(json).digest('hex')}`;
  return { extensions: [{ name: GRANT_EXTENSION, value: json }], ...(withKeyId && { keyId }) };
}
