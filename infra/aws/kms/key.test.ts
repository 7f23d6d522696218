import { verify } from 'node:crypto';
import { CreateKeyCommand, KMSClient, type KeySpec, type KeyUsageType } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCaKeyLine } from '../../../orchestrator/ca/ca-key.ts';
import { kmsSigner as caSigner } from '../../../orchestrator/ca/kms-signer.ts';
import { mint } from '../../../orchestrator/ca/mint.ts';
import { orderTask } from '../../../orchestrator/ca/order.ts';
import { type Envelope, isSignedBy, payloadOf } from '../../../orchestrator/evidence/keys/dsse.ts';
import { kmsSigner as evidenceSigner } from '../../../orchestrator/evidence/keys/kms-signer.ts';
import { parsePublicKey } from '../../../orchestrator/evidence/keys/public-key.ts';
import { signStatement } from '../../../orchestrator/evidence/keys/sign-statement.ts';
import { openRelay } from '../../../orchestrator/relay/index.ts';
import { clientOptions, REGION } from '../../../test/support/aws/clients.ts';
import { type Chaos, startChaos } from '../../../test/support/aws/chaos/chaos.ts';
import { type Moto, startMoto } from '../../../test/support/aws/moto.ts';
import { MACHINE_ID, mintRequest } from '../../../test/support/login.ts';
import { HONEST_EXECUTOR, startSshd } from '../../../test/support/sshd.ts';
import type { AwsAccess } from '../api/clients.ts';
import type { AwsCall } from '../api/permissions.ts';
import { openKmsKey } from './key.ts';

/* A key in (moto's) KMS: as the CA of a real sshd, and as the signer of evidence. */

const never = new AbortController().signal;
const calls: AwsCall[] = [];
let moto: Moto;
let chaos: Chaos;
let access: AwsAccess;
beforeAll(async () => {
  moto = await startMoto();
  chaos = await startChaos(moto.url);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const limits = { requestMs: 2_000, attempts: 2 };
  access = { region: REGION, endpoint: chaos.url, credentials, limits, onCall: (call) => calls.push(call) };
});
afterAll(async () => {
  await chaos.stop();
  await moto.stop();
});

async function makeKey(KeySpec: KeySpec = 'ECC_NIST_P256', KeyUsage: KeyUsageType = 'SIGN_VERIFY'): Promise<string> {
  const kms = new KMSClient(clientOptions(moto.url));
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ KeySpec, KeyUsage }));
  kms.destroy();
  return KeyMetadata?.KeyId ?? '';
}

test('signs a certificate that a real sshd takes, and nobody else’s', async () => {
  const signer = caSigner(await openKmsKey(access, await makeKey()));
  await using sshd = await startSshd({
    caPublicKey: signer.publicKeyLine,
    principals: [`sandbox-${MACHINE_ID}`],
    forceCommand: HONEST_EXECUTOR,
    config: ['CASignatureAlgorithms ssh-ed25519,ecdsa-sha2-nistp256'],
  });
  const login = async (by = signer) => {
    const request = mintRequest();
    const { certificateLine } = await mint(orderTask(request, parseCaKeyLine(by.publicKeyLine)), by);
    const { port, hostKey, username } = sshd;
    const { privateKey } = request.key;
    return openRelay({
      address: { host: '127.0.0.1', port },
      hostKey,
      username,
      privateKey,
      certificate: certificateLine,
    });
  };
  const session = await login();
  expect(await session.close()).toMatchObject({ exitCode: 0 });
  const another = caSigner(await openKmsKey(access, await makeKey()));
  await expect(login(another)).rejects.toMatchObject({ code: 'refused' });
  expect(calls).toContainEqual({ service: 'kms', operation: 'Sign' });
});

test('signs a certificate with a grant of any size', async () => {
  const key = await openKmsKey(access, await makeKey());
  const long = Buffer.alloc(20_000, 'a');
  expect(verify('sha256', long, key.publicKey, await key.sign(long, never))).toBe(true);
});

test('signs evidence that is verified with its public half alone', async () => {
  const signer = evidenceSigner(await openKmsKey(access, await makeKey()));
  const { envelope } = await signStatement({ a: 1 }, signer);
  const signed = JSON.parse(envelope) as Envelope;
  const key = parsePublicKey(signer.publicKey.pem);
  expect(payloadOf(signed)?.toString()).toBe('{"a":1}');
  expect(key !== undefined && isSignedBy(signed, key.key)).toBe(true);
  const forged = { ...signed, payload: Buffer.from('{"a":2}').toString('base64') };
  expect(key !== undefined && isSignedBy(forged, key.key)).toBe(false);
});

test.each<[string, () => Promise<string>, string]>([
  ['is not there', () => Promise.resolve('11111111-2222-3333-4444-555555555555'), 'aws_refused'],
  ['is RSA', () => makeKey('RSA_2048'), 'aws_refused'],
  ['is of another curve', () => makeKey('ECC_NIST_P384'), 'aws_refused'],
  ['agrees on secrets', () => makeKey('ECC_NIST_P256', 'KEY_AGREEMENT'), 'aws_refused'],
])('a key that %s is refused', async (_what, make, code) => {
  await expect(openKmsKey(access, await make())).rejects.toMatchObject({ code });
});

test('a KMS that does not answer is given up, and nothing is issued', async () => {
  const key = await openKmsKey(access, await makeKey());
  chaos.rules.push({ action: 'Sign', how: 'ack-hang' });
  const request = orderTask(mintRequest(), parseCaKeyLine(caSigner(key).publicKeyLine));
  await expect(mint(request, caSigner(key), 500)).rejects.toMatchObject({ code: 'signer_timeout' });
  await expect(key.sign(Buffer.from('x'), AbortSignal.timeout(200))).rejects.toMatchObject({ code: 'aws_unreachable' });
  chaos.rules.length = 0;
});
