import { readFile } from 'node:fs/promises';
import { EvidenceError } from '../errors.ts';
import { type KeyPurpose, publicKeyFile } from './file-signer.ts';
import { parsePublicKey, type PublicKey } from './public-key.ts';

/** Whose signatures count, by purpose. An empty list means: nobody said, so the signer is not checked. */
export type TrustedKeys = Readonly<Record<KeyPurpose, readonly PublicKey[]>>;

/** Nobody is trusted: a bundle can then only be found consistent with itself. */
export const NOBODY: TrustedKeys = { evidence: [], receipt: [] };

/** The keys of this data directory; a purpose without a key file gets an empty list. */
export async function readTrustedKeys(home: string): Promise<TrustedKeys> {
  return {
    evidence: await readKeys(publicKeyFile(home, 'evidence')),
    receipt: await readKeys(publicKeyFile(home, 'receipt')),
  };
}

/** The keys in one file, PEM after PEM, e.g. one that a verifier was handed. Throws EvidenceError when it holds none or something else. */
export async function readKeyFile(file: string): Promise<readonly PublicKey[]> {
  const keys = await readKeys(file);
  if (keys.length === 0) throw notKeys(file, 'no file, or an empty one');
  return keys;
}

async function readKeys(file: string): Promise<readonly PublicKey[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
    throw notKeys(file, cause instanceof Error ? cause.message : String(cause), cause);
  });
  return text
    .split(/(?<=-----END PUBLIC KEY-----\n)/)
    .filter((part) => part !== '')
    .map((pem) => {
      const key = parsePublicKey(pem);
      if (key === undefined) throw notKeys(file, 'something else');
      return key;
    });
}

function notKeys(file: string, got: string, cause?: unknown): EvidenceError {
  const said = {
    expected: `ed25519 public keys (SPKI PEM) in ${file}`,
    got,
    hint: 'ask whoever sealed the bundle for the key file',
  };
  return new EvidenceError('key_file_invalid', said, { cause });
}
