import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { malformed, WireReader } from './wire.ts';

/*
 * The CA's key: ed25519, or P-256 where it lies in a KMS that has no ed25519. Both sides of a comparison are raw bytes (32, or an uncompressed
 * point of 65), so the length says which kind it is.
 */

export const KEY_TYPE = 'ssh-ed25519';
const ECDSA_TYPE = 'ecdsa-sha2-nistp256';
const CURVE = 'nistp256';
const POINT_BYTES = 65;
const SCALAR_BYTES = 32;

/** Reads a CA's raw key out of its SSH blob. Throws LoginRefused. */
export function parseCaKey(blob: Buffer): Buffer {
  const reader = new WireReader(blob);
  const type = reader.text();
  if (type !== KEY_TYPE && type !== ECDSA_TYPE) throw malformed(`an ${KEY_TYPE} or ${ECDSA_TYPE} key`, 'another type');
  if (type === ECDSA_TYPE && reader.text() !== CURVE) throw malformed(CURVE, 'another curve');
  const key = reader.exactly(type === KEY_TYPE ? 32 : POINT_BYTES, 'key');
  reader.end();
  return key;
}

/** The name of a CA key's kind, as a public key line begins with it. */
export function typeOfCaKey(key: Buffer): string {
  return key.length === POINT_BYTES ? ECDSA_TYPE : KEY_TYPE;
}

/** The signature in a certificate as 64 raw bytes, which must be of this key's kind. Throws LoginRefused. */
export function parseSignature(blob: Buffer, caKey: Buffer): Buffer {
  const reader = new WireReader(blob);
  const type = typeOfCaKey(caKey);
  if (reader.text() !== type) throw malformed(`an ${type} signature`, 'another type');
  const signature = type === KEY_TYPE ? reader.exactly(64, 'signature') : parseScalars(reader.string());
  reader.end();
  return signature;
}

/** Tells whether this key made this signature over exactly these bytes. */
export function isSignedBy(caKey: Buffer, data: Buffer, signature: Buffer): boolean {
  if (typeOfCaKey(caKey) === KEY_TYPE) return verify(null, data, spki(Buffer.concat([ED25519_SPKI, caKey])), signature);
  const key = spki(Buffer.concat([P256_SPKI, caKey]));
  return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** What stands before a raw ed25519 key in DER (RFC 8410), and before an uncompressed point of P-256 (RFC 5480). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const P256_SPKI = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/** A point that is not on the curve is refused as any other malformed key. */
function spki(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    throw malformed("a CA's public key", 'a point that is not on its curve');
  }
}

/** r and s (RFC 5656 section 3.1.2), each a number in the one form an mpint has. */
function parseScalars(bytes: Buffer): Buffer {
  const reader = new WireReader(bytes);
  const scalars = [parseScalar(reader.string()), parseScalar(reader.string())];
  reader.end();
  return Buffer.concat(scalars);
}

function parseScalar(bytes: Buffer): Buffer {
  const [first = 0, second = 0] = bytes;
  const isPadded = bytes.length > 1 && first === 0 && second >= 0x80;
  const digits = isPadded ? bytes.subarray(1) : bytes;
  const isNumber = isPadded || (first > 0 && first < 0x80);
  if (!isNumber || digits.length > SCALAR_BYTES) throw malformed('a number below 2^256', 'another spelling');
  return Buffer.concat([Buffer.alloc(SCALAR_BYTES - digits.length), digits]);
}
