import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/** An ed25519 public key as evidence carries it: SPKI in PEM, named by the SHA-256 of its DER bytes. */
export interface PublicKey {
  readonly keyId: string;
  readonly pem: string;
  readonly key: KeyObject;
}

/** Wraps a key; the PEM is always in one and the same form. */
export function publicKey(key: KeyObject): PublicKey {
  const der = key.export({ type: 'spki', format: 'der' });
  return {
    key,
    pem: key.export({ type: 'spki', format: 'pem' }),
    keyId: createHash('sha256').update(der).digest('hex'),
  };
}

/** Reads one key; undefined unless it is exactly one ed25519 key in exactly the form that `publicKey` writes. */
export function parsePublicKey(pem: string): PublicKey | undefined {
  try {
    const found = publicKey(createPublicKey({ key: pem, format: 'pem', type: 'spki' }));
    return found.key.asymmetricKeyType === 'ed25519' && found.pem === pem ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Reads keys that stand one after the other; undefined where anything else stands among them. */
export function parsePublicKeys(text: string): readonly PublicKey[] | undefined {
  const keys = text
    .split(/(?<=-----END PUBLIC KEY-----\n)/)
    .filter((part) => part !== '')
    .map(parsePublicKey);
  return keys.every((key) => key !== undefined) ? keys : undefined;
}
