import { readFile } from 'node:fs/promises';
import { hasCode, KeyFileError } from '../../key-file.ts';
import { publicKeyFile } from './file-signer.ts';
import { parsePublicKeys, type PublicKey } from './public-key.ts';
import type { TrustedKeys } from './trusted-keys.ts';

/** The keys of this data directory; a purpose without a key file gets an empty list. */
export async function readTrustedKeys(home: string): Promise<TrustedKeys> {
  return {
    evidence: await readKeys(publicKeyFile(home, 'evidence')),
    receipt: await readKeys(publicKeyFile(home, 'receipt')),
  };
}

/** The keys in one file, PEM after PEM, e.g. one that a verifier was handed. Throws KeyFileError when it holds none or something else. */
export async function readKeyFile(file: string): Promise<readonly PublicKey[]> {
  const keys = await readKeys(file);
  if (keys.length === 0) throw notKeys(file, 'no file, or an empty one');
  return keys;
}

async function readKeys(file: string): Promise<readonly PublicKey[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    if (hasCode(cause, 'ENOENT')) return '';
    throw notKeys(file, cause instanceof Error ? cause.message : String(cause), cause);
  });
  const keys = parsePublicKeys(text);
  if (keys === undefined) throw notKeys(file, 'something else');
  return keys;
}

function notKeys(file: string, got: string, cause?: unknown): KeyFileError {
  const said = {
    expected: `ed25519 public keys (SPKI PEM) in ${file}`,
    got,
    hint: 'ask whoever sealed the bundle for the key file',
  };
  return new KeyFileError('key_file_invalid', said, { cause });
}
