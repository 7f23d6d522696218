import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mintRequest, temporaryCa } from '../../test/support/login.ts';
import {
  isSignatureValid,
  readCertificateLine,
  writeBody,
  writeCertificateLine,
  type Certificate,
  type CertificateBody,
} from './certificate.ts';
import { CaError } from './errors.ts';

const run = promisify(execFile);

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const option = fc.record({ name: text, value: fc.option(text, { nil: undefined }) });
const options = fc
  .uniqueArray(option, { selector: ({ name }) => name, maxLength: 4 })
  .map((some) => some.toSorted(byName));
const body: fc.Arbitrary<CertificateBody> = fc.record({
  nonce: bytes(32),
  subjectKey: bytes(32),
  serial: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  type: fc.constantFrom('user', 'host'),
  keyId: text,
  principals: fc.array(text, { maxLength: 3 }),
  validAfter: fc.nat(),
  validBefore: fc.nat(),
  criticalOptions: options,
  extensions: options,
  caKey: bytes(32),
});

test('what is written is read back, field by field', () => {
  fc.assert(
    fc.property(body, bytes(64), (written, signature) => {
      const { signed, ...read } = readCertificateLine(
        writeCertificateLine(writeBody(written), signature, written.caKey),
      );
      expect(read).toEqual({ ...written, signature });
      expect(signed).toEqual(writeBody(written));
    }),
  );
});

test('a certificate with any one byte changed, cut off or added is refused', async () => {
  await using ca = await temporaryCa();
  const { certificateLine } = await ca.mint(mintRequest());
  const [type = '', base64 = ''] = certificateLine.split(' ');
  const blob = Buffer.from(base64, 'base64');
  const trusted = readCertificateLine(certificateLine).caKey;
  const holds = (bad: Buffer) => {
    const certificate = tryRead(`${type} ${bad.toString('base64')}`);
    return certificate?.caKey.equals(trusted) === true && isSignatureValid(certificate);
  };
  expect(holds(blob)).toBe(true);
  for (let at = 0; at < blob.length; at += 1) {
    const changed = Buffer.from(blob);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(holds(changed), `byte ${at}`).toBe(false);
    expect(holds(blob.subarray(0, at)), `cut at ${at}`).toBe(false);
  }
  expect(holds(Buffer.concat([blob, Buffer.from([0])]))).toBe(false);
});

test.each([
  { name: 'twice the same option', extensions: [flag('a'), flag('a')] },
  { name: 'options out of order', extensions: [flag('b'), flag('a')] },
])('a certificate with $name is refused', ({ extensions }) => {
  const signed = writeBody({ ...plainBody(), extensions });
  expect(codeOf(() => readCertificateLine(writeCertificateLine(signed, Buffer.alloc(64), Buffer.alloc(32))))).toBe(
    'certificate_malformed',
  );
});

test('ssh-keygen agrees on every field', async () => {
  await using ca = await temporaryCa();
  const request = mintRequest();
  const minted = await ca.mint(request);
  const folder = await mkdtemp(path.join(tmpdir(), 'burnbag-keygen-'));
  try {
    const file = path.join(folder, 'id-cert.pub');
    await writeFile(file, minted.certificateLine);
    const { stdout } = await run('ssh-keygen', ['-L', '-f', file], {
      timeout: 5_000,
      env: { ...process.env, TZ: 'UTC' },
    });
    expect(stdout).toContain('Type: ssh-ed25519-cert-v01@openssh.com user certificate');
    expect(stdout).toContain(`Key ID: "${minted.keyId}"`);
    expect(stdout).toContain(`Serial: ${minted.serial}\n`);
    expect(stdout).toContain(`Valid: from ${utc(minted.validAfter)} to ${utc(minted.validBefore)}\n`);
    expect(stdout).toMatch(/Principals: \n\s+sandbox-6f9619ff-8b86-4011-b42d-00cf4fc964ff\n/);
    expect(stdout).toMatch(
      /Critical Options: \n\s+force-command \/usr\/local\/bin\/agent-exec\n\s+source-address 127\.0\.0\.1\n\s+Extensions: \n\s+grant@burnbag\.dev .*\n$/,
    );
    const fingerprint = async (line: string) => (await fingerprintOf(folder, line)).split(' ')[1];
    expect(stdout).toContain(`Signing CA: ED25519 ${await fingerprint(ca.publicKeyLine)} (using ssh-ed25519)`);
    expect(stdout).toContain(`Public key: ED25519-CERT ${await fingerprint(request.publicKey)}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function fingerprintOf(folder: string, line: string): Promise<string> {
  const file = path.join(folder, 'some.pub');
  await writeFile(file, `${line}\n`);
  return (await run('ssh-keygen', ['-l', '-f', file], { timeout: 5_000 })).stdout;
}

function bytes(length: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
}

function byName(a: { name: string }, b: { name: string }): number {
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

function flag(name: string) {
  return { name, value: undefined };
}

function plainBody(): CertificateBody {
  const key = Buffer.alloc(32);
  return {
    nonce: key,
    subjectKey: key,
    serial: 1n,
    type: 'user',
    keyId: 'id',
    principals: ['p'],
    validAfter: 0,
    validBefore: 1,
    criticalOptions: [],
    extensions: [],
    caKey: key,
  };
}

function tryRead(line: string): Certificate | undefined {
  try {
    return readCertificateLine(line);
  } catch (error) {
    if (error instanceof CaError) return undefined;
    throw error;
  }
}

function codeOf(attempt: () => unknown): unknown {
  try {
    attempt();
    return 'ok';
  } catch (error) {
    return error instanceof CaError ? error.code : error;
  }
}

function utc(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19);
}
