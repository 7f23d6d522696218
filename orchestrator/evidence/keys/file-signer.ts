import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EvidenceError } from '../errors.ts';
import { publicKey, type PublicKey } from './public-key.ts';
import type { Signer } from './signer.ts';
import type { KeyPurpose } from './trusted-keys.ts';

/**
 * The signer whose key is keys/PURPOSE.pem in the data directory (PKCS #8, ed25519, mode 0600); makes the key on first use and keeps
 * its public half beside it in PURPOSE.pub. Refuses a file that others may read or write, is not ours or is a link.
 */
export async function openFileSigner(home: string, purpose: KeyPurpose): Promise<Signer> {
  const file = join(home, 'keys', `${purpose}.pem`);
  const privateKey = (await readKey(file)) ?? (await createKey(file));
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

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

async function readKey(file: string): Promise<KeyObject | undefined> {
  await using handle = await openExisting(file);
  if (handle === undefined) return undefined;
  const { mode, uid } = await handle.stat();
  if ((mode & OTHERS) !== 0 || uid !== process.getuid?.()) {
    throw new EvidenceError('key_file_exposed', {
      expected: `${file} to be mode 0600 and owned by this user`,
      got: `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}, owner ${uid}`,
      hint: 'if nobody else can have read it: chmod 600; otherwise remove it and a new key is made, and say so to whoever trusts the old one',
    });
  }
  return parseKey(file, await handle.readFile('utf8'));
}

async function openExisting(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw unusable(file, error);
  }
}

function parseKey(file: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // The parser's text may quote the key.
  }
  throw new EvidenceError('key_file_invalid', {
    expected: `an ed25519 private key (PKCS #8 PEM) in ${file}`,
    got: 'something else',
    hint: 'restore the file, or remove it and a new key is made',
  });
}

/** Written whole under another name, then linked: the key file is never half there, and the first to link wins. */
async function createKey(file: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(temporary, privateKey.export({ type: 'pkcs8', format: 'pem' }), {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
    await link(temporary, file);
    return privateKey;
  } catch (error) {
    const others = hasCode(error, 'EEXIST') ? await readKey(file) : undefined;
    if (others !== undefined) return others;
    throw unusable(file, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Keeps the public half of a key beside it. The public half follows from the private one: a missing file is written again, one that says something else is not overlooked. */
export async function keepPublicHalf(file: string, known: PublicKey): Promise<void> {
  const kept = await readFile(file, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw unusable(file, error);
  });
  if (kept === known.pem) return;
  if (kept !== undefined) {
    throw new EvidenceError('key_file_invalid', {
      expected: `${file} to be the public half of the key beside it (key id ${known.keyId})`,
      got: 'another key',
      hint: 'one of the two files was replaced: find out by whom, then restore both',
    });
  }
  const temporary = `${file}.${randomUUID()}.tmp`;
  await writeFile(temporary, known.pem, { mode: 0o644, flag: 'wx', flush: true });
  await rename(temporary, file);
}

function unusable(file: string, cause: unknown): EvidenceError {
  if (cause instanceof EvidenceError) return cause;
  const said = {
    expected: `to read or make the key file ${file}`,
    got: cause instanceof Error ? cause.message : String(cause),
    hint: 'the folder must be writable by this user, and the file a plain file',
  };
  return new EvidenceError('key_file_unusable', said, { cause });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
