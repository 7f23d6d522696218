import { createPublicKey, sign } from 'node:crypto';
import { openKeyFile } from '../key-file.ts';
import { publicKeyLine, rawPublicKey } from './public-key.ts';
import type { Signer } from './signer.ts';

/** A signer whose key is a PEM file (ed25519, mode 0600), made on first use; a KeyFileError where it is not to be trusted. */
export async function openFileSigner(file: string): Promise<Signer> {
  const privateKey = await openKeyFile(file);
  return {
    publicKeyLine: publicKeyLine(rawPublicKey(createPublicKey(privateKey))),
    sign: (data) => Promise.resolve(sign(null, data, privateKey)),
  };
}
