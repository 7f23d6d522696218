import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { CaError } from './errors.ts';
import { ED25519, publicKeyBlob, readPublicKeyBlob, toKeyObject } from './public-key.ts';
import { writeString } from '../../executor/protocol/index.ts';
import { malformed, WireReader } from './wire.ts';

/*
 * The CA's key, of which there are two kinds: ed25519, and P-256 for a KMS that has no ed25519. In our hands it is its raw bytes (RFC 8032: 32;
 * SEC 1 uncompressed: 65), so the length says which kind it is, and a raw signature has 64 bytes with both (RFC 8032; r and s).
 */

/** The SSH name of a P-256 key (RFC 5656). */
export const ECDSA = 'ecdsa-sha2-nistp256';

/** Raw signatures of both kinds have this many bytes. */
export const SIGNATURE_BYTES = 64;

/** Reads the public key line of a CA, `ssh-ed25519 AAAA…` or `ecdsa-sha2-nistp256 AAAA…`, and returns the raw key. */
export function parseCaKeyLine(line: string): Buffer {
  const [type, base64] = line.trim().split(/[ \t]+/);
  const blob = Buffer.from(base64 ?? '', 'base64');
  const isOneLine = !line.includes('\n') && blob.toString('base64') === base64;
  if (!isOneLine || (type !== ED25519 && type !== ECDSA)) throw invalid(line);
  try {
    const raw = readCaKeyBlob(blob);
    if (kindOf(raw).type === type) return raw;
  } catch (cause) {
    throw invalid(line, cause);
  }
  throw invalid(line);
}

/** The OpenSSH line of a CA's key. */
export function caKeyLine(raw: Buffer): string {
  return `${kindOf(raw).type} ${caKeyBlob(raw).toString('base64')}`;
}

/** The wire form of a CA's key. */
export function caKeyBlob(raw: Buffer): Buffer {
  return kindOf(raw).blob(raw);
}

/** Reads the wire form of a CA's key; the point of a P-256 key must be one of the curve. */
export function readCaKeyBlob(blob: Buffer): Buffer {
  if (new WireReader(blob).text() !== ECDSA) return readPublicKeyBlob(blob);
  const reader = new WireReader(blob);
  reader.text();
  const [curve, point] = [reader.text(), reader.string()];
  if (curve !== CURVE || point.length !== POINT_BYTES || point[0] !== UNCOMPRESSED) throw invalid(`${ECDSA} ${curve}`);
  reader.end();
  pointKey(point);
  return point;
}

/** The raw bytes of a key that node:crypto holds. Throws CaError for a kind that cannot be a CA here. */
export function rawCaKey(key: KeyObject): Buffer {
  const { crv, x = '', y = '' } = key.export({ format: 'jwk' });
  const [left, right] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  if (crv === 'Ed25519') return left;
  if (crv === 'P-256') return Buffer.concat([Buffer.from([UNCOMPRESSED]), left, right]);
  throw invalid(String(crv ?? key.asymmetricKeyType));
}

/** A raw signature as a certificate carries it: its name and the kind's own encoding. */
export function writeCaSignature(caKey: Buffer, signature: Buffer): Buffer {
  const { type, encode } = kindOf(caKey);
  return Buffer.concat([writeString(type), writeString(encode(signature))]);
}

/** The raw signature in what a certificate carries. Throws CaError unless it is of the CA key's kind and in the one form there is. */
export function readCaSignature(caKey: Buffer, bytes: Buffer): Buffer {
  const reader = new WireReader(bytes);
  const [name, encoded] = [reader.text(), reader.string()];
  reader.end();
  const { type, decode } = kindOf(caKey);
  const signature = name === type ? decode(encoded) : undefined;
  if (signature?.length === SIGNATURE_BYTES) return signature;
  throw malformed(`an ${type} signature`, `${name} with ${encoded.length} bytes`);
}

/** Tells whether this key made this raw signature over exactly these bytes. */
export function isSignedByCa(caKey: Buffer, data: Buffer, signature: Buffer): boolean {
  return kindOf(caKey).verify(caKey, data, signature);
}

const CURVE = 'nistp256';
const POINT_BYTES = 65;
const UNCOMPRESSED = 4;
const SCALAR_BYTES = 32;

interface Kind {
  readonly type: typeof ED25519 | typeof ECDSA;
  readonly blob: (raw: Buffer) => Buffer;
  readonly encode: (signature: Buffer) => Buffer;
  readonly decode: (encoded: Buffer) => Buffer | undefined;
  readonly verify: (raw: Buffer, data: Buffer, signature: Buffer) => boolean;
}

const KINDS: Readonly<Record<'ed25519' | 'p256', Kind>> = {
  ed25519: {
    type: ED25519,
    blob: publicKeyBlob,
    encode: (signature) => signature,
    decode: (encoded) => encoded,
    verify: (raw, data, signature) => verify(null, data, toKeyObject(raw), signature),
  },
  p256: {
    type: ECDSA,
    blob: (raw) => Buffer.concat([writeString(ECDSA), writeString(CURVE), writeString(raw)]),
    encode: (signature) =>
      Buffer.concat([signature.subarray(0, SCALAR_BYTES), signature.subarray(SCALAR_BYTES)].map(writeMpint)),
    decode: (encoded) => {
      const reader = new WireReader(encoded);
      const scalars = [readMpint(reader.string()), readMpint(reader.string())];
      reader.end();
      return scalars.every((scalar) => scalar !== undefined) ? Buffer.concat(scalars) : undefined;
    },
    verify: (raw, data, signature) =>
      verify('sha256', data, { key: pointKey(raw), dsaEncoding: 'ieee-p1363' }, signature),
  },
};

function kindOf(raw: Buffer): Kind {
  return raw.length === POINT_BYTES ? KINDS.p256 : KINDS.ed25519;
}

/** Throws CaError for a point that is not on the curve. */
function pointKey(point: Buffer): KeyObject {
  const [x, y] = [point.subarray(1, 1 + SCALAR_BYTES), point.subarray(1 + SCALAR_BYTES)];
  const key = { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') };
  try {
    return createPublicKey({ format: 'jwk', key });
  } catch (cause) {
    throw invalid(`a point that is not on ${CURVE}`, cause);
  }
}

/** An SSH mpint (RFC 4251 section 5): no needless zeros, one where the first bit would mean "negative". */
function writeMpint(scalar: Buffer): Buffer {
  const start = scalar.findIndex((byte) => byte !== 0);
  const bytes = start === -1 ? Buffer.alloc(0) : scalar.subarray(start);
  return writeString((bytes[0] ?? 0) >= NEGATIVE ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

/** 32 bytes; undefined for a number that is negative, zero, too large or written in another way than the one. */
function readMpint(bytes: Buffer): Buffer | undefined {
  const digits = bytes[0] === 0 ? bytes.subarray(1) : bytes;
  const scalar = Buffer.alloc(SCALAR_BYTES);
  if (digits.length === 0 || digits.length > SCALAR_BYTES) return undefined;
  digits.copy(scalar, SCALAR_BYTES - digits.length);
  return writeMpint(scalar).equals(writeString(bytes)) ? scalar : undefined;
}

const NEGATIVE = 0x80;

function invalid(got: string, cause?: unknown): CaError {
  return new CaError(
    'public_key_invalid',
    {
      expected: `one line \`${ED25519} AAAA…\` or \`${ECDSA} AAAA…\``,
      got: JSON.stringify(got.slice(0, 80)),
      hint: 'a CA signs with ed25519 or with P-256; nothing else is used',
    },
    { cause },
  );
}
