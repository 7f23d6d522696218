import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryKeys, type TestKeys } from '../../../test/support/bundle.ts';
import { envelope, isSignedBy, payloadOf, preAuthEncoding } from './dsse.ts';
import { openFileSigner, signWith } from './file-signer.ts';
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

  test('takes no second text for the same bytes', () => {
    const signed = envelope(Buffer.from('a'), keys.evidence.publicKey.keyId, Buffer.alloc(64));
    expect(signed.payload).toBe('YQ==');
    expect(payloadOf(signed)?.toString()).toBe('a');
    expect(payloadOf({ ...signed, payload: 'YR==' })).toBeUndefined();
  });
});
