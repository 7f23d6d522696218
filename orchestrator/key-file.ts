import { createPrivateKey, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ExplainedError } from './errors.ts';

/**
 * The private key that a PEM file holds (PKCS #8, ed25519, mode 0600). Makes the key on first use, and whoever comes second uses the first one's.
 * Refuses, as a KeyFileError, a file that others may read or write, is not ours or is a link.
 */
export async function openKeyFile(file: string): Promise<KeyObject> {
  return (await readKey(file)) ?? (await createKey(file));
}

/** Why a key file is not used; nothing of what it holds is in the text. */
export class KeyFileError extends ExplainedError<KeyFileErrorCode> {
  override readonly name = 'KeyFileError';
}

export type KeyFileErrorCode = 'key_file_exposed' | 'key_file_invalid' | 'key_file_unusable';

/** A file of keys that could not be read or made, for the reason it gives. */
export function unusableKeyFile(file: string, cause: unknown): KeyFileError {
  if (cause instanceof KeyFileError) return cause;
  const said = {
    expected: `to read or make the key file ${file}`,
    got: cause instanceof Error ? cause.message : String(cause),
    hint: 'the folder must be writable by this user, and the file a plain file',
  };
  return new KeyFileError('key_file_unusable', said, { cause });
}

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

async function readKey(file: string): Promise<KeyObject | undefined> {
  await using handle = await openExisting(file);
  if (handle === undefined) return undefined;
  const { mode, uid } = await handle.stat();
  if ((mode & OTHERS) !== 0 || uid !== process.getuid?.()) {
    throw new KeyFileError('key_file_exposed', {
      expected: `${file} to be mode 0600 and owned by this user`,
      got: `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}, owner ${uid}`,
      hint: 'if nobody else can have read it: chmod 600; otherwise remove it, a new key is made, and tell whoever trusts what the old one signed',
    });
  }
  return parseKey(file, await handle.readFile('utf8'));
}

async function openExisting(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw unusableKeyFile(file, error);
  }
}

function parseKey(file: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // The parser's text may quote the key.
  }
  throw new KeyFileError('key_file_invalid', {
    expected: `an ed25519 private key (PKCS #8 PEM) in ${file}`,
    got: 'something else',
    hint: 'restore the file, or remove it and a new key is made',
  });
}

/** Written whole under another name, then linked: the key file is never half there, and the first to link wins. */
async function createKey(file: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const temporary = `${file}.${randomUUID()}.tmp`;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(temporary, pem, { mode: 0o600, flag: 'wx', flush: true });
    await link(temporary, file);
    return privateKey;
  } catch (error) {
    const others = hasCode(error, 'EEXIST') ? await readKey(file) : undefined;
    if (others !== undefined) return others;
    throw unusableKeyFile(file, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Whether an error of the system has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
