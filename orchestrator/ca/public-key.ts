import { createPublicKey, type KeyObject } from 'node:crypto';
import { writeString } from '../../executor/protocol/index.ts';
import { CaError } from './errors.ts';
import { WireReader } from './wire.ts';

/** The only kind of key there is here. */
export const ED25519 = 'ssh-ed25519';

const RAW_BYTES = 32;

/** Reads an OpenSSH public key line, `ssh-ed25519 AAAA… [comment]`, and returns the 32 bytes of the key. */
export function parsePublicKeyLine(line: string): Buffer {
  const [type, base64] = line.trim().split(/[ \t]+/);
  const blob = Buffer.from(base64 ?? '', 'base64');
  if (type !== ED25519 || line.includes('\n') || blob.toString('base64') !== base64) throw invalid(line);
  try {
    return readPublicKeyBlob(blob);
  } catch (cause) {
    throw invalid(line, cause);
  }
}

/** Reads the wire form of a key: its type and its 32 bytes (RFC 8709 section 4). */
export function readPublicKeyBlob(blob: Buffer): Buffer {
  const reader = new WireReader(blob);
  const type = reader.text();
  const raw = reader.string();
  reader.end();
  if (type !== ED25519 || raw.length !== RAW_BYTES) throw invalid(`${type} with ${raw.length} bytes`);
  return raw;
}

/** The wire form of a key. */
export function publicKeyBlob(raw: Buffer): Buffer {
  return Buffer.concat([writeString(ED25519), writeString(raw)]);
}

/** The OpenSSH line of a key, without a comment. */
export function publicKeyLine(raw: Buffer): string {
  return `${ED25519} ${publicKeyBlob(raw).toString('base64')}`;
}

/** The same key as node:crypto wants it. */
export function toKeyObject(raw: Buffer): KeyObject {
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') } });
}

/** The 32 bytes of an ed25519 public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  const { crv, x } = key.export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw invalid(String(key.asymmetricKeyType));
  return Buffer.from(x, 'base64url');
}

function invalid(got: string, cause?: unknown): CaError {
  return new CaError(
    'public_key_invalid',
    {
      expected: 'one line `ssh-ed25519 AAAA…`',
      got: JSON.stringify(got.slice(0, 80)),
      hint: 'only ed25519 keys are used; ssh-keygen -t ed25519 makes one',
    },
    { cause },
  );
}
