import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLogin } from '../../executor/agent/login/login.ts';
import type { CertificateBody } from '../../orchestrator/ca/certificate.ts';
import { mint } from '../../orchestrator/ca/mint.ts';
import { orderTask } from '../../orchestrator/ca/order.ts';
import { parsePublicKeyLine } from '../../orchestrator/ca/public-key.ts';
import { connect, OpeningFailed } from '../../orchestrator/relay/connect.ts';
import { openRelay, RelayError, type RelayOptions } from '../../orchestrator/relay/index.ts';
import { DEADLINES } from '../../orchestrator/relay/limits.ts';
import { parseLogin } from '../../orchestrator/relay/login.ts';
import { translate } from '../../orchestrator/relay/translate.ts';
import { forgeLogin, MACHINE_ID, memorySigner, mintRequest, TASK_ID } from '../support/login.ts';
import { HONEST_EXECUTOR, startSshd, type TestSshd } from '../support/sshd.ts';

/** ssh2's certificate login, which one file of ours makes possible, against the sshd that decides. */
const signer = memorySigner();
let sshd: TestSshd;

beforeAll(async () => {
  sshd = await startSshd({
    caPublicKey: signer.publicKeyLine,
    principals: [`sandbox-${MACHINE_ID}`],
    forceCommand: HONEST_EXECUTOR,
  });
});
afterAll(async () => {
  await sshd.stop();
});

const health = { id: 1, task_id: TASK_ID, action: 'check_health', args: {} } as const;
const look = { id: 2, task_id: TASK_ID, action: 'read_file', args: { path: '/work/in/x', max_bytes: 1 } } as const;
const target = () => ({
  address: { host: '127.0.0.1', port: sshd.port },
  hostKey: sshd.hostKey,
  username: sshd.username,
});

async function mintedLogin() {
  const request = mintRequest();
  const minted = await mint(orderTask(request, parsePublicKeyLine(signer.publicKeyLine)), signer);
  return { privateKey: request.key.privateKey, certificate: minted.certificateLine, minted };
}

test('sshd accepts what the CA mints, and exposes it so that the executor believes it', async () => {
  const { privateKey, certificate, minted } = await mintedLogin();
  const session = await openRelay({ ...target(), privateKey, certificate });
  expect(await session.request(health, { timeoutMs: 5_000 })).toMatchObject({ id: 1, status: 'ok' });
  const answer = await session.request(look, { timeoutMs: 5_000 });
  expect(await session.close()).toMatchObject({ reason: 'closed', exitCode: 0, error: undefined });

  const exposed = answer.status === 'ok' && answer.action === 'read_file' ? answer.result.data : '';
  expect(exposed).toBe(`publickey ${certificate}\n`);
  const [file, machineIdFile] = [path.join(sshd.folder, 'exposed'), path.join(sshd.folder, 'machine-id')];
  await writeFile(file, exposed);
  await writeFile(machineIdFile, `${MACHINE_ID}\n`);
  const guest = { caFile: path.join(sshd.folder, 'ca.pub'), machineIdFile, now: () => Date.now() };
  const login = readLogin(guest as Parameters<typeof readLogin>[0], file);
  expect(login).toMatchObject({ serial: minted.serial, keyId: minted.keyId, grant: { machine_id: MACHINE_ID } });
});

test("sshd's log names the certificate by key id and serial, and our goodbye", async () => {
  const { privateKey, certificate, minted } = await mintedLogin();
  const session = await openRelay({ ...target(), privateKey, certificate });
  await session.close();
  await expect.poll(() => sshd.log()).toContain('Received disconnect from 127.0.0.1');
  expect(sshd.log()).toContain(`ID ${minted.keyId} (serial ${minted.serial}) CA ED25519`);
});

const FORCE = { name: 'force-command', value: '/usr/local/bin/agent-exec' };
const now = Math.floor(Date.now() / 1000);

const REFUSED: readonly { name: string; changes: Partial<CertificateBody>; code?: string; says: string }[] = [
  {
    name: 'expired',
    changes: { validBefore: now - 5 },
    code: 'certificate_expired',
    says: 'Certificate invalid: expired',
  },
  {
    name: 'not yet valid',
    changes: { validAfter: now + 300 },
    code: 'certificate_not_yet_valid',
    says: 'Certificate invalid: not yet valid',
  },
  {
    name: 'empty principals',
    changes: { principals: [] },
    says: 'Certificate does not contain an authorized principal',
  },
  {
    name: "another machine's principal",
    changes: { principals: ['sandbox-i-01234567'] },
    says: 'Certificate does not contain an authorized principal',
  },
  {
    name: 'the audit principal',
    changes: { principals: [`audit-${MACHINE_ID}`] },
    says: 'Certificate does not contain an authorized principal',
  },
  { name: 'a host certificate', changes: { type: 'host' }, says: 'Certificate invalid: not a user certificate' },
  {
    name: 'the wrong source address',
    changes: { criticalOptions: [FORCE, { name: 'source-address', value: '192.0.2.1' }] },
    says: 'not from a permitted source address',
  },
  {
    name: 'an unknown critical option',
    changes: { criticalOptions: [{ name: 'unknown@burnbag.dev', value: 'x' }] },
    says: 'critical option "unknown@burnbag.dev" is not supported',
  },
  { name: 'a revoked serial', changes: { serial: 666n }, says: 'revoked' },
];

test.each(REFUSED)('sshd refuses $name, and the relay says why', async ({ changes, code = 'refused', says }) => {
  await revoke('666');
  const logBefore = sshd.log().length;
  const forged = await forgeLogin(signer, changes);
  const error = await refusal(forged);
  const sshdLog = sshd.log().slice(logBefore);
  expect(sshdLog).toContain(says);
  const certificate = parseLogin({ ...target(), ...forged }).certificate;
  expect(translate(error.cause, { stage: error.stage, certificate, sshdLog })).toMatchObject({ code });
});

test('sshd refuses another CA', async () => {
  const error = await refusal(await forgeLogin(memorySigner()));
  expect(error.stage).toBe('logging in');
});

test("sshd refuses somebody else's private key", async () => {
  const [one, other] = [await forgeLogin(signer), await forgeLogin(signer)];
  const login = { ...parseLogin({ ...target(), ...one }), privateKey: other.privateKey };
  const error: unknown = await connect(login, DEADLINES).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ stage: 'logging in' });
  expect(() => parseLogin({ ...target(), ...one, privateKey: other.privateKey })).toThrow(RelayError);
});

test('a certificate that our own clock calls expired or early is not even sent', async () => {
  const connections = sshd.log().split('Connection from').length;
  const open = async (changes: Partial<CertificateBody>) => {
    const { privateKey, certificateLine } = await forgeLogin(signer, changes);
    return codeOf({ ...target(), privateKey, certificate: certificateLine });
  };
  expect(await open({ validBefore: now })).toBe('certificate_expired');
  expect(await open({ validAfter: now + 300 })).toBe('certificate_not_yet_valid');
  expect(sshd.log().split('Connection from').length).toBe(connections);
});

test('a refusal is classed by the log that the driver has', async () => {
  const { privateKey, certificateLine: certificate } = await forgeLogin(signer, { principals: ['root'] });
  const options = { ...target(), privateKey, certificate };
  // The guest's clock cannot be set here: its words can.
  const guestBehind = () => Promise.resolve('sshd[7]: error: Certificate invalid: not yet valid\n');
  expect(await codeOf({ ...options, sshdLog: guestBehind })).toBe('certificate_not_yet_valid');
  expect(await codeOf({ ...options, sshdLog: () => Promise.reject(new Error('no log')) })).toBe('refused');
  expect(await codeOf({ ...options, sshdLog: () => new Promise(() => undefined) })).toBe('refused');
  expect(await codeOf(options)).toBe('refused');
});

test('another host key ends it before any certificate is shown', async () => {
  const { privateKey, certificate } = await mintedLogin();
  const before = sshd.log().length;
  expect(await codeOf({ ...target(), hostKey: memorySigner().publicKeyLine, privateKey, certificate })).toBe(
    'host_key_mismatch',
  );
  expect(sshd.log().slice(before)).not.toContain('ED25519-CERT');
});

async function refusal(forged: Awaited<ReturnType<typeof forgeLogin>>): Promise<OpeningFailed> {
  const error: unknown = await connect(parseLogin({ ...target(), ...forged }), DEADLINES).catch(
    (caught: unknown) => caught,
  );
  if (error instanceof OpeningFailed) return error;
  throw new Error('expected a refusal', { cause: error });
}

async function codeOf(options: RelayOptions): Promise<unknown> {
  return openRelay(options).then(
    () => 'ok',
    (error: unknown) => (error instanceof RelayError ? error.code : error),
  );
}

async function revoke(serial: string): Promise<void> {
  const [krl, list] = [path.join(sshd.folder, 'revoked'), path.join(sshd.folder, 'revoked.txt')];
  await writeFile(list, `serial: ${serial}\n`);
  await promisify(execFile)('ssh-keygen', ['-k', '-q', '-f', krl, '-s', path.join(sshd.folder, 'ca.pub'), list], {
    timeout: 5_000,
  });
  expect((await readFile(krl)).length).toBeGreaterThan(0);
}
