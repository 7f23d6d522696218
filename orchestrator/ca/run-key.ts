import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { publicKeyLine, rawPublicKey } from './public-key.ts';

/** The key pair of one run. The private half is a handle: it is in no file, no string and no log. */
export interface RunKey {
  readonly publicKeyLine: string;
  readonly privateKey: KeyObject;
}

/** Makes a fresh ed25519 key pair in memory. */
export function createRunKey(): RunKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { publicKeyLine: publicKeyLine(rawPublicKey(publicKey)), privateKey };
}
