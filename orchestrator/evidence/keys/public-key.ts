import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/** A public key as evidence carries it, ed25519 or P-256 (a KMS's): SPKI in PEM, named by the SHA-256 of its DER bytes. */
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

/** Reads one key; undefined unless it is exactly one key of a kind we sign with, in exactly the form that `publicKey` writes. */
export function parsePublicKey(pem: string): PublicKey | undefined {
  try {
    const found = publicKey(createPublicKey({ key: pem, format: 'pem', type: 'spki' }));
    return isOurKind(found.key) && found.pem === pem ? found : undefined;
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

function isOurKind({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean {
  return type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1');
}
