import { createPublicKey, randomUUID, sign, type KeyObject } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode, KeyFileError, openKeyFile, unusableKeyFile } from '../../key-file.ts';
import { publicKey, type PublicKey } from './public-key.ts';
import type { Signer } from './signer.ts';
import type { KeyPurpose } from './trusted-keys.ts';

/**
 * The signer whose key is keys/PURPOSE.pem in the data directory (ed25519, mode 0600), made on first use; its public half is kept
 * beside it in PURPOSE.pub. A KeyFileError where either is not to be trusted.
 */
export async function openFileSigner(home: string, purpose: KeyPurpose): Promise<Signer> {
  const privateKey = await openKeyFile(join(home, 'keys', `${purpose}.pem`));
  const known = publicKey(createPublicKey(privateKey));
  await keepPublicHalf(publicKeyFile(home, purpose), known);
  return { publicKey: known, sign: (data) => Promise.resolve(signWith(privateKey, data)) };
}

/** The plain ed25519 signature over a payload's encoding. */
export function signWith(key: KeyObject, data: Uint8Array): Buffer {
  return sign(null, data, key);
}

/** Where the public half of a key lies. */
export function publicKeyFile(home: string, purpose: KeyPurpose): string {
  return join(home, 'keys', `${purpose}.pub`);
}

/** Keeps the public half of a key beside it. The public half follows from the private one: a missing file is written again, one that says something else is not overlooked. */
export async function keepPublicHalf(file: string, known: PublicKey): Promise<void> {
  const kept = await readFile(file, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw unusableKeyFile(file, error);
  });
  if (kept === known.pem) return;
  if (kept !== undefined) {
    throw new KeyFileError('key_file_invalid', {
      expected: `${file} to be the public half of the key beside it (key id ${known.keyId})`,
      got: 'another key',
      hint: 'one of the two files was replaced: find out by whom, then restore both',
    });
  }
  const temporary = `${file}.${randomUUID()}.tmp`;
  // With every key elsewhere, nobody has made the folder yet.
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(temporary, known.pem, { mode: 0o644, flag: 'wx', flush: true });
  await rename(temporary, file);
}
