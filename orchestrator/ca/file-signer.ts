import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { CaError } from './errors.ts';
import { publicKeyLine, rawPublicKey } from './public-key.ts';
import type { Signer } from './signer.ts';

/**
 * A signer whose key is a PEM file (PKCS #8, ed25519, mode 0600). Makes the key on first use, and whoever comes second uses the first one's.
 * Refuses a file that others may read or write, is not ours or is a link.
 */
export async function openFileSigner(file: string): Promise<Signer> {
  const privateKey = (await readKey(file)) ?? (await createKey(file));
  return {
    publicKeyLine: publicKeyLine(rawPublicKey(createPublicKey(privateKey))),
    sign: (data) => Promise.resolve(sign(null, data, privateKey)),
  };
}

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

async function readKey(file: string): Promise<KeyObject | undefined> {
  await using handle = await openExisting(file);
  if (handle === undefined) return undefined;
  const { mode, uid } = await handle.stat();
  if ((mode & OTHERS) !== 0 || uid !== process.getuid?.()) {
    throw new CaError('key_file_exposed', {
      expected: `${file} to be mode 0600 and owned by this user`,
      got: `mode ${(mode & 0o7777).toString(8).padStart(4, '0')}, owner ${uid}`,
      hint: 'if nobody else can have read it: chmod 600; otherwise remove it and a new key is made, which old certificates will not fit',
    });
  }
  return parseKey(file, await handle.readFile('utf8'));
}

async function openExisting(file: string) {
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
  throw new CaError('key_file_invalid', {
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
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeDurably(temporary, privateKey.export({ type: 'pkcs8', format: 'pem' }));
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

async function writeDurably(file: string, content: string | Buffer): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await handle.writeFile(content);
  await handle.sync();
}

function unusable(file: string, cause: unknown): CaError {
  if (cause instanceof CaError) return cause;
  return new CaError(
    'key_file_unusable',
    {
      expected: `to read or make the CA's key file ${file}`,
      got: cause instanceof Error ? cause.message : String(cause),
      hint: 'the folder must be writable by this user, and the file a plain file',
    },
    { cause },
  );
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
