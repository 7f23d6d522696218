import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Grant } from '../../executor/protocol/index.ts';
import {
  createRunKey,
  openCa,
  type Ca,
  type MintRequest,
  type RunKey,
  type Signer,
} from '../../orchestrator/ca/index.ts';
import { writeBody, writeCertificateLine, type CertificateBody } from '../../orchestrator/ca/certificate.ts';
import { parsePublicKeyLine, publicKeyLine, rawPublicKey } from '../../orchestrator/ca/public-key.ts';

/** A machine, a run and a task that exist only in tests. */
export const MACHINE_ID = '6f9619ff-8b86-4011-b42d-00cf4fc964ff';
export const RUN_ID = '0123456789ab';
export const TASK_ID = 'task-1';

/** A CA in a folder of its own; `await using` removes it. */
export async function temporaryCa(): Promise<Ca & AsyncDisposable & { readonly home: string }> {
  const home = await mkdtemp(path.join(tmpdir(), 'burnbag-ca-'));
  const ca = await openCa({ home });
  return { ...ca, home, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) };
}

/** A grant for check_health that holds until `expiresAt` (unix seconds). */
export function testGrant(expiresAt: number, changes: Partial<Grant> = {}): Grant {
  return {
    version: 1,
    task_id: TASK_ID,
    run_id: RUN_ID,
    requester: 'test',
    machine_id: MACHINE_ID,
    actions: [{ action: 'check_health', limits: {} }],
    expires_at: expiresAt,
    policy_sha256: '0'.repeat(64),
    ...changes,
  };
}

/** A request to mint that every rule allows, for a fresh key; `changes` break it. */
export function mintRequest(changes: Partial<MintRequest> = {}): MintRequest & { readonly key: RunKey } {
  const key = createRunKey();
  const now = changes.now ?? new Date();
  const ttlSeconds = changes.ttlSeconds ?? 600;
  return {
    grant: testGrant(Math.floor(now.getTime() / 1000) + ttlSeconds),
    runId: RUN_ID,
    taskId: TASK_ID,
    machineId: MACHINE_ID,
    publicKey: key.publicKeyLine,
    sourceAddress: '127.0.0.1',
    ttlSeconds,
    now,
    ...changes,
    key,
  };
}

/** A CA key that is in no file. */
export function memorySigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    publicKeyLine: publicKeyLine(rawPublicKey(publicKey)),
    sign: (data) => Promise.resolve(sign(null, data, privateKey)),
  };
}

/** A certificate for somebody's public key with `changes` that no rule of the CA would allow. */
export async function forgeCertificate(
  signer: Signer,
  publicKey: string,
  changes: Partial<CertificateBody> = {},
): Promise<string> {
  const caKey = parsePublicKeyLine(signer.publicKeyLine);
  const now = Math.floor(Date.now() / 1000);
  const signed = writeBody({
    nonce: Buffer.alloc(32, 7),
    subjectKey: parsePublicKeyLine(publicKey),
    serial: 42n,
    type: 'user',
    keyId: 'forged',
    principals: [`sandbox-${MACHINE_ID}`],
    validAfter: now - 30,
    validBefore: now + 600,
    criticalOptions: [{ name: 'force-command', value: '/usr/local/bin/agent-exec' }],
    extensions: [],
    caKey,
    ...changes,
  });
  return writeCertificateLine(signed, await signer.sign(signed, new AbortController().signal), caKey);
}

/** A run's key and a certificate for it with `changes` that no rule of the CA would allow. */
export async function forgeLogin(signer: Signer, changes: Partial<CertificateBody> = {}) {
  const { publicKeyLine: publicKey, privateKey } = createRunKey();
  return { privateKey, certificateLine: await forgeCertificate(signer, publicKey, changes) };
}
