import { caKeyBlob, isSignedByCa, readCaKeyBlob, readCaSignature, writeCaSignature } from './ca-key.ts';
import { writeString, writeUint32, writeUint64 } from '../../executor/protocol/index.ts';
import { malformed, WireReader } from './wire.ts';

/** The name of the only certificate format we write and read. */
export const CERTIFICATE_TYPE = 'ssh-ed25519-cert-v01@openssh.com';

/**
 * What an OpenSSH ed25519 certificate says (PROTOCOL.certkeys). Keys are their raw bytes (the CA's may be P-256), times are unix seconds.
 * Options are in the order of the wire, which is that of their names; `value` is undefined for a flag.
 */
export interface CertificateBody {
  readonly nonce: Buffer;
  readonly subjectKey: Buffer;
  readonly serial: bigint;
  readonly type: 'user' | 'host';
  readonly keyId: string;
  readonly principals: readonly string[];
  readonly validAfter: number;
  readonly validBefore: number;
  readonly criticalOptions: readonly CertificateOption[];
  readonly extensions: readonly CertificateOption[];
  readonly caKey: Buffer;
}

export interface CertificateOption {
  readonly name: string;
  readonly value: string | undefined;
}

/** A certificate as it was read: its body, the exact bytes that are signed, and the signature over them. */
export interface Certificate extends CertificateBody {
  readonly signed: Buffer;
  readonly signature: Buffer;
}

const TYPES = { user: 1, host: 2 } as const;

/** The bytes a CA signs. */
export function writeBody(body: CertificateBody): Buffer {
  return Buffer.concat([
    writeString(CERTIFICATE_TYPE),
    writeString(body.nonce),
    writeString(body.subjectKey),
    writeUint64(body.serial),
    writeUint32(TYPES[body.type]),
    writeString(body.keyId),
    writeString(Buffer.concat(body.principals.map(writeString))),
    writeUint64(BigInt(body.validAfter)),
    writeUint64(BigInt(body.validBefore)),
    writeString(Buffer.concat(body.criticalOptions.map(writeOption))),
    writeString(Buffer.concat(body.extensions.map(writeOption))),
    writeString(''),
    writeString(caKeyBlob(body.caKey)),
  ]);
}

/** The whole certificate: the signed bytes and the signature, as one OpenSSH line. */
export function writeCertificateLine(signed: Buffer, signature: Buffer, caKey: Buffer): string {
  const blob = Buffer.concat([signed, writeString(writeCaSignature(caKey, signature))]);
  return `${CERTIFICATE_TYPE} ${blob.toString('base64')}`;
}

/** Reads a certificate line strictly: any byte that could be read in two ways is an error. Does not judge what it says. */
export function readCertificateLine(line: string): Certificate {
  return readCertificate(certificateBlob(line));
}

/** The bytes of a certificate line. */
export function certificateBlob(line: string): Buffer {
  const [type, base64] = line.trim().split(/[ \t]+/);
  const blob = Buffer.from(base64 ?? '', 'base64');
  if (type !== CERTIFICATE_TYPE || line.trim().includes('\n') || blob.toString('base64') !== base64) {
    throw malformed(`one line \`${CERTIFICATE_TYPE} AAAA…\``, JSON.stringify(line.slice(0, 80)));
  }
  return blob;
}

/** Tells whether the CA key named in the certificate made its signature. Whether that key is trusted is another question. */
export function isSignatureValid(certificate: Certificate): boolean {
  return isSignedByCa(certificate.caKey, certificate.signed, certificate.signature);
}

function readCertificate(blob: Buffer): Certificate {
  const reader = new WireReader(blob);
  const type = reader.text();
  if (type !== CERTIFICATE_TYPE) throw malformed(CERTIFICATE_TYPE, JSON.stringify(type.slice(0, 80)));
  const body = {
    nonce: reader.string(),
    subjectKey: reader.string(),
    serial: reader.uint64(),
    type: readType(reader.uint32()),
    keyId: reader.text(),
    principals: readPrincipals(reader.string()),
    validAfter: readTime(reader.uint64()),
    validBefore: readTime(reader.uint64()),
    criticalOptions: readOptions(reader.string()),
    extensions: readOptions(reader.string()),
  };
  if (reader.string().length > 0) throw malformed('an empty reserved field', 'bytes in it');
  const caKey = readCaKeyBlob(reader.string());
  const signed = blob.subarray(0, reader.position);
  const signature = readCaSignature(caKey, reader.string());
  reader.end();
  return { ...body, caKey, signed, signature };
}

function readType(type: number): CertificateBody['type'] {
  if (type === TYPES.user) return 'user';
  if (type === TYPES.host) return 'host';
  throw malformed('a user or host certificate', `type ${type}`);
}

function readPrincipals(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const principals = [];
  while (!reader.atEnd) principals.push(reader.text());
  return principals;
}

/** A time beyond what a number holds exactly is "for ever", and nothing of ours is. */
function readTime(seconds: bigint): number {
  if (seconds > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('a time with an end', 'for ever');
  return Number(seconds);
}

function readOptions(bytes: Buffer): CertificateOption[] {
  const reader = new WireReader(bytes);
  const options: CertificateOption[] = [];
  while (!reader.atEnd) {
    const name = reader.text();
    const last = options.at(-1);
    if (last !== undefined && Buffer.compare(Buffer.from(last.name), Buffer.from(name)) >= 0) {
      throw malformed('options in the order of their names, each once', `${last.name}, ${name}`);
    }
    options.push({ name, value: readOptionValue(reader.string()) });
  }
  return options;
}

function readOptionValue(data: Buffer): string | undefined {
  if (data.length === 0) return undefined;
  const reader = new WireReader(data);
  const value = reader.text();
  reader.end();
  return value;
}

function writeOption({ name, value }: CertificateOption): Buffer {
  return Buffer.concat([writeString(name), writeString(value === undefined ? Buffer.alloc(0) : writeString(value))]);
}
