import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  canonicalJson,
  GRANT_EXTENSION,
  type Grant,
  writeString,
  writeUint32,
  writeUint64,
} from '../protocol/index.ts';

/** A CA for tests: signs whatever it is told, right or wrong. */
export interface TestCa {
  /** Raw key: 32 bytes of ed25519, or a P-256 point. */
  readonly publicKey: Buffer;
  /** As /run/burnbag/ca.pub has it. */
  readonly line: string;
  readonly privateKey: KeyObject;
}

export function makeCa(kind: 'ed25519' | 'p256' = 'ed25519'): TestCa {
  const { publicKey, privateKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(kind === 'ed25519' ? -32 : -65);
  return { publicKey: raw, line: `${typeOf(raw)} ${keyBlob(raw).toString('base64')} test\n`, privateKey };
}

/** Fields of a certificate, each as a test wants it. */
export interface CertificateFields {
  readonly certificateType: string;
  readonly serial: bigint;
  readonly type: number;
  readonly keyId: string;
  readonly principals: readonly string[];
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: readonly (readonly [string, string])[];
  readonly extensions: readonly (readonly [string, string])[];
  readonly reserved: Buffer;
}

/** A certificate as our CA would write it for this grant, with the fields that a test wants otherwise. */
export function mintBlob(ca: TestCa, grant: Grant, changed: Partial<CertificateFields> = {}): Buffer {
  const json = canonicalJson(grant);
  const now = BigInt(Math.floor(Date.now() / 1000));
  return encodeCertificate(ca, {
    certificateType: 'ssh-ed25519-cert-v01@openssh.com',
    serial: randomBytes(8).readBigUInt64BE(),
    type: 1,
    keyId: keyIdOf(grant, json),
    principals: [`sandbox-${grant.machine_id}`],
    validAfter: now - 30n,
    validBefore: now + 600n,
    criticalOptions: [
      ['force-command', '/usr/local/bin/agent-exec'],
      ['source-address', '10.0.2.2'],
    ],
    extensions: [[GRANT_EXTENSION, json]],
    reserved: Buffer.alloc(0),
    ...changed,
  });
}

export function keyIdOf(grant: Grant, json: string): string {
  return `run=${grant.run_id}:task=${grant.task_id}:grant=${createHash('sha256').update(json).digest('hex')}`;
}

/** The line that sshd leaves for the forced command. */
export function authenticationLine(blob: Buffer): string {
  return `publickey ssh-ed25519-cert-v01@openssh.com ${blob.toString('base64')}\n`;
}

function encodeCertificate(ca: TestCa, fields: CertificateFields): Buffer {
  const body = Buffer.concat([
    writeString(fields.certificateType),
    writeString(randomBytes(32)),
    writeString(randomBytes(32)),
    writeUint64(fields.serial),
    writeUint32(fields.type),
    writeString(fields.keyId),
    writeString(Buffer.concat(fields.principals.map(writeString))),
    writeUint64(fields.validAfter),
    writeUint64(fields.validBefore),
    writeString(options(fields.criticalOptions)),
    writeString(options(fields.extensions)),
    writeString(fields.reserved),
    writeString(keyBlob(ca.publicKey)),
  ]);
  return Buffer.concat([
    body,
    writeString(Buffer.concat([writeString(typeOf(ca.publicKey)), writeString(signWith(ca, body))])),
  ]);
}

function signWith({ publicKey, privateKey }: TestCa, body: Buffer): Buffer {
  if (publicKey.length === 32) return sign(null, body, privateKey);
  const raw = sign('sha256', body, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return Buffer.concat([raw.subarray(0, 32), raw.subarray(32)].map(mpint));
}

/** RFC 4251: no needless zeros, one where the first bit would mean "negative". */
function mpint(scalar: Buffer): Buffer {
  const bytes = scalar.subarray(scalar.findIndex((byte) => byte !== 0));
  return writeString((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

function typeOf(raw: Buffer): string {
  return raw.length === 32 ? 'ssh-ed25519' : 'ecdsa-sha2-nistp256';
}

function options(list: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    list.map(([name, value]) =>
      Buffer.concat([writeString(name), writeString(value === '' ? '' : writeString(value))]),
    ),
  );
}

function keyBlob(raw: Buffer): Buffer {
  const curve = raw.length === 32 ? [] : [writeString('nistp256')];
  return Buffer.concat([writeString(typeOf(raw)), ...curve, writeString(raw)]);
}
