import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryKeys, type TestKeys } from '../../../test/support/bundle.ts';
import { envelope, isSignedBy, payloadOf, preAuthEncoding } from './dsse.ts';
import { openFileSigner, signWith } from './file-signer.ts';
import { oneFormOf } from './p256.ts';
import { parsePublicKey, publicKey } from './public-key.ts';
import { readKeyFile, readTrustedKeys } from './trust.ts';

let keys: TestKeys;
let file: string;
beforeAll(async () => {
  keys = await temporaryKeys();
  file = join(keys.home, 'keys', 'evidence.pem');
});
afterAll(() => keys[Symbol.asyncDispose]());

describe('a file key', () => {
  test('is made once, readable by its owner alone, its public half beside it', async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readdir(join(keys.home, 'keys'))).sort()).toEqual([
      'evidence.pem',
      'evidence.pub',
      'receipt.pem',
      'receipt.pub',
    ]);
    expect((await openFileSigner(keys.home, 'evidence')).publicKey.keyId).toBe(keys.evidence.publicKey.keyId);
    expect(keys.receipt.publicKey.keyId).not.toBe(keys.evidence.publicKey.keyId);
  });

  test('made by two at once is one key', async () => {
    await using fresh = await temporaryKeys();
    await rm(join(fresh.home, 'keys'), { recursive: true });
    const made = await Promise.all([1, 2, 3].map(() => openFileSigner(fresh.home, 'evidence')));
    expect(new Set(made.map((signer) => signer.publicKey.keyId)).size).toBe(1);
  });

  test('is refused when others may read it, when it is a link, something else, or not the half beside it', async () => {
    const good = await readFile(file, 'utf8');
    await chmod(file, 0o640);
    await expect(openFileSigner(keys.home, 'evidence')).rejects.toMatchObject({ code: 'key_file_exposed' });
    await chmod(file, 0o600);
    await writeFile(file, 'no key');
    await expect(openFileSigner(keys.home, 'evidence')).rejects.toMatchObject({ code: 'key_file_invalid' });
    await writeFile(file, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await expect(openFileSigner(keys.home, 'evidence')).rejects.toMatchObject({ code: 'key_file_invalid' });
    await rm(file);
    await symlink(join(keys.home, 'keys', 'receipt.pem'), file);
    await expect(openFileSigner(keys.home, 'evidence')).rejects.toMatchObject({ code: 'key_file_unusable' });
    await rm(file);
    await writeFile(file, good, { mode: 0o600 });
  });
});

describe('trusted keys', () => {
  test('are those of the data directory, or none', async () => {
    expect((await readTrustedKeys(keys.home)).receipt.map(({ keyId }) => keyId)).toEqual([
      keys.receipt.publicKey.keyId,
    ]);
    expect(await readTrustedKeys(join(keys.home, 'nowhere'))).toEqual({ evidence: [], receipt: [] });
  });

  test('come several in one file, and nothing else does', async () => {
    const both = join(keys.home, 'both.pem');
    await writeFile(both, keys.evidence.publicKey.pem + keys.receipt.publicKey.pem);
    expect((await readKeyFile(both)).length).toBe(2);
    await writeFile(both, `${keys.evidence.publicKey.pem}x`);
    await expect(readKeyFile(both)).rejects.toMatchObject({ code: 'key_file_invalid' });
    await expect(readKeyFile(join(keys.home, 'nowhere'))).rejects.toMatchObject({ code: 'key_file_invalid' });
  });
});

test('a public key has one form: other keys, other line ends and more than one are refused', () => {
  const { pem } = keys.evidence.publicKey;
  expect(parsePublicKey(pem)?.keyId).toBe(keys.evidence.publicKey.keyId);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' });
  for (const other of ['', 'x', rsa, pem.replaceAll('\n', '\r\n'), pem + pem, ` ${pem}`, pem.trimEnd()]) {
    expect(parsePublicKey(other)).toBeUndefined();
  }
});

describe('DSSE', () => {
  test('encodes as the specification’s own example does', () => {
    const encoded = preAuthEncoding(Buffer.from('hello world')).toString();
    expect(encoded).toBe('DSSEv1 28 application/vnd.in-toto+json 11 hello world');
  });

  test('signs as RFC 8032 has it, whatever library does it', () => {
    // RFC 8032, 7.1, test 1: the seed, to be put into PKCS #8.
    const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
    const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex');
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    expect(signWith(privateKey, Buffer.alloc(0)).toString('hex')).toMatch(/^e5564300c360ac729086e2cc806e828a/);
    const key = publicKey(createPublicKey(privateKey));
    const payload = Buffer.from('{}');
    const signed = envelope(payload, key.keyId, signWith(privateKey, preAuthEncoding(payload)));
    expect(isSignedBy(signed, key.key)).toBe(true);
    expect(isSignedBy({ ...signed, payload: Buffer.from('{ }').toString('base64') }, key.key)).toBe(false);
    expect(isSignedBy(signed, keys.evidence.publicKey.key)).toBe(false);
  });

  test('takes one of the two signatures that P-256 has over the same bytes, in the one form of DER', () => {
    const { privateKey, publicKey: half } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { keyId, key } = publicKey(half);
    const payload = Buffer.from('{}');
    const signature = oneFormOf(sign('sha256', preAuthEncoding(payload), privateKey)) ?? Buffer.alloc(0);
    const isTaken = (bytes: Buffer) => isSignedBy(envelope(payload, keyId, bytes), key);
    expect(isTaken(signature)).toBe(true);
    const raw = { key, dsaEncoding: 'ieee-p1363' } as const;
    const twin = otherSignature(signature);
    expect(verify('sha256', preAuthEncoding(payload), raw, twin.raw)).toBe(true);
    expect(verify('sha256', preAuthEncoding(payload), key, twin.der)).toBe(true);
    expect(isTaken(twin.der)).toBe(false);
    expect(oneFormOf(twin.der)).toEqual(signature);
    for (const other of [Buffer.alloc(0), signature.subarray(0, -1), Buffer.concat([signature, Buffer.of(0)])])
      expect(isTaken(other)).toBe(false);
  });

  test('takes no second text for the same bytes', () => {
    const signed = envelope(Buffer.from('a'), keys.evidence.publicKey.keyId, Buffer.alloc(64));
    expect(signed.payload).toBe('YQ==');
    expect(payloadOf(signed)?.toString()).toBe('a');
    expect(payloadOf({ ...signed, payload: 'YR==' })).toBeUndefined();
  });
});

/** What whoever has one P-256 signature can make of it without the key: the order of the curve less s, in place of s. */
function otherSignature(der: Buffer): { readonly raw: Buffer; readonly der: Buffer } {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const rLength = der[3] ?? 0;
  const r = der.subarray(4, 4 + rLength);
  const s = order - BigInt(`0x${der.subarray(6 + rLength).toString('hex')}`);
  const sBytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex');
  const sSigned = Buffer.concat([Buffer.of(0x02, 33, 0), sBytes]);
  const body = Buffer.concat([der.subarray(2, 4 + rLength), sSigned]);
  const rRaw = Buffer.from(r.toString('hex').padStart(66, '0').slice(-64), 'hex');
  return { raw: Buffer.concat([rRaw, sBytes]), der: Buffer.concat([Buffer.of(0x30, body.length), body]) };
}
