import { execFile } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mintRequest } from '../../test/support/login.ts';
import {
  caKeyBlob,
  caKeyLine,
  isSignedByCa,
  parseCaKeyLine,
  rawCaKey,
  readCaKeyBlob,
  readCaSignature,
  writeCaSignature,
} from './ca-key.ts';
import { mint } from './mint.ts';
import { orderTask } from './order.ts';
import type { Signer } from './signer.ts';

const run = promisify(execFile);
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const raw = rawCaKey(publicKey);
const signer: Signer = {
  publicKeyLine: caKeyLine(raw),
  sign: (data) => Promise.resolve(sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
};

test('both kinds of key are read back from their line', () => {
  const ed25519 = rawCaKey(generateKeyPairSync('ed25519').publicKey);
  for (const key of [raw, ed25519]) expect(parseCaKeyLine(caKeyLine(key))).toEqual(key);
  expect(caKeyLine(raw)).toMatch(/^ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY/);
});

test.each([
  ['P-384', () => caKeyLine(rawCaKey(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey))],
  ['RSA', () => rawCaKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)],
  ['a point that is not on the curve', () => readCaKeyBlob(flip(caKeyBlob(raw), -1))],
  ['a compressed point', () => readCaKeyBlob(flip(caKeyBlob(raw), -65))],
  [
    'another curve’s name',
    () =>
      readCaKeyBlob(
        Buffer.from(
          caKeyBlob(raw)
            .toString('latin1')
            .replace(/nistp256(?!.*nistp256)/s, 'nistp384'),
          'latin1',
        ),
      ),
  ],
  ['a name that is not the key’s', () => parseCaKeyLine(caKeyLine(raw).replace('ecdsa-sha2-nistp256', 'ssh-ed25519'))],
  ['two lines', () => parseCaKeyLine(`${caKeyLine(raw)}\n${caKeyLine(raw)}`)],
])('refuses as a CA key: %s', (_what, attempt) => {
  expect(attempt).toThrow(expect.objectContaining({ code: 'public_key_invalid' }) as Error);
});

test('a signature is read back whatever its numbers are, and has one form', () => {
  const scalar = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(scalar, scalar, fc.nat(31), (r, s, zeros) => {
      r.fill(0, 0, zeros);
      fc.pre(r.some((byte) => byte !== 0) && s.some((byte) => byte !== 0));
      const wire = writeCaSignature(raw, Buffer.concat([r, s]));
      expect(readCaSignature(raw, wire)).toEqual(Buffer.concat([r, s]));
      expect(() => readCaSignature(raw, Buffer.concat([wire, Buffer.alloc(1)]))).toThrow();
      expect(() => readCaSignature(Buffer.alloc(32), wire)).toThrow();
    }),
  );
});

test('OpenSSH takes a certificate that a P-256 key signed', async () => {
  const minted = await mint(orderTask(mintRequest(), parseCaKeyLine(signer.publicKeyLine)), signer);
  const folder = await mkdtemp(path.join(tmpdir(), 'burnbag-p256-'));
  try {
    const file = path.join(folder, 'id-cert.pub');
    await writeFile(file, minted.certificateLine);
    const { stdout } = await run('ssh-keygen', ['-L', '-f', file], { timeout: 5_000 });
    expect(stdout).toMatch(/Signing CA: ECDSA SHA256:\S+ \(using ecdsa-sha2-nistp256\)/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a signature of another key, or over other bytes, is none', async () => {
  const data = Buffer.from('data');
  const signature = await signer.sign(data, new AbortController().signal);
  expect(isSignedByCa(raw, data, signature)).toBe(true);
  expect(isSignedByCa(raw, Buffer.from('Data'), signature)).toBe(false);
  const other = rawCaKey(createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey));
  expect(isSignedByCa(other, data, signature)).toBe(false);
});

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  const index = at < 0 ? changed.length + at : at;
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
}
