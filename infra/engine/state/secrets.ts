import { createCipheriv, createDecipheriv, createHash, pbkdf2, randomBytes } from 'node:crypto';
import { EngineError } from '../errors.ts';
import type { SecretsProviders } from './schema.ts';

/** Opens and closes the secrets of one stack, in the format of Pulumi's passphrase provider. */
export interface Secrets {
  encrypt(plaintext: string): string;
  decrypt(ciphertext: string): string;
  readonly providers: SecretsProviders;
}

/** PBKDF2 rounds of the passphrase provider; they cost a third of a second, so keys are kept. */
const ITERATIONS = 1_000_000;
const KEY_BYTES = 32;
const SALT_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A known text in every salt: opening it tells a wrong passphrase from a right one. */
const TRAILER = 'pulumi';
/** Derived keys by a digest of passphrase and salt; the only thing here that outlives an operation. */
const keys = new Map<string, Promise<Buffer>>();

/** Opens existing secrets with the salt found in the state (`v1:SALT:v1:NONCE:TEXT`); `bad_passphrase` if it does not fit. */
export async function openSecrets(passphrase: string, saltState: string): Promise<Secrets> {
  const [version, salt, ...trailer] = saltState.split(':');
  if (version !== 'v1' || salt === undefined || trailer.length !== 3) {
    throw new EngineError('bad_state', 'error: malformed secrets provider state: expected v1:SALT:v1:NONCE:TEXT');
  }
  const key = await deriveKey(passphrase, salt);
  try {
    if (decryptWith(key, trailer.join(':')) !== TRAILER) throw new Error('the trailer is another text');
  } catch (error) {
    throw new EngineError('bad_passphrase', 'error: incorrect passphrase', { cause: error });
  }
  return secretsOf(key, saltState);
}

/** Makes secrets for a new stack: a fresh salt. */
export async function createSecrets(passphrase: string): Promise<Secrets> {
  const salt = randomBytes(SALT_BYTES).toString('base64');
  const key = await deriveKey(passphrase, salt);
  return secretsOf(key, `v1:${salt}:${encryptWith(key, TRAILER)}`);
}

function secretsOf(key: Buffer, saltState: string): Secrets {
  return {
    encrypt: (plaintext) => encryptWith(key, plaintext),
    decrypt: (ciphertext) => {
      try {
        return decryptWith(key, ciphertext);
      } catch (error) {
        throw new EngineError('bad_state', 'error: a secret in the state cannot be decrypted', { cause: error });
      }
    },
    providers: { type: 'passphrase', state: { salt: saltState } },
  };
}

function deriveKey(passphrase: string, salt: string): Promise<Buffer> {
  const name = createHash('sha256').update(`${salt}\n${passphrase}`).digest('hex');
  let key = keys.get(name);
  if (key === undefined) {
    key = new Promise<Buffer>((resolve, reject) => {
      pbkdf2(passphrase, Buffer.from(salt, 'base64'), ITERATIONS, KEY_BYTES, 'sha256', (error, derived) => {
        if (error) reject(error);
        else resolve(derived);
      });
    });
    keys.set(name, key);
  }
  return key;
}

function encryptWith(key: Buffer, plaintext: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const text = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString('base64')}:${text.toString('base64')}`;
}

function decryptWith(key: Buffer, ciphertext: string): string {
  const [version, nonce, text, ...rest] = ciphertext.split(':');
  if (version !== 'v1' || nonce === undefined || text === undefined || rest.length > 0)
    throw new Error('expected v1:NONCE:TEXT');
  const bytes = Buffer.from(text, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64'), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES)), decipher.final()]).toString(
    'utf8',
  );
}
