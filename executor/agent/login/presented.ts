import { readFileSync } from 'node:fs';
import { CERTIFICATE_TYPE } from './certificate.ts';
import { LoginRefused } from './refused.ts';

/** More than any certificate with a grant of the largest size takes. */
const FILE_MAX_BYTES = 128 * 1024;

/**
 * Reads the certificate the client logged in with, from the file that sshd leaves for the forced command (sshd_config(5) ExposeAuthInfo,
 * named in SSH_USER_AUTH). Exactly one line, method `publickey`: a login by anything else, or by two things, is none of ours.
 */
export function readPresented(file: string | undefined): Buffer {
  if (file === undefined) throw missing('no SSH_USER_AUTH');
  return parsePresented(read(file));
}

/** The certificate's blob in the text of that file. */
export function parsePresented(text: string): Buffer {
  const match = /^publickey ([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})\n$/.exec(text);
  if (match === null) throw missing('another text');
  const [, type, base64 = ''] = match;
  if (type !== CERTIFICATE_TYPE) throw missing('a login by another kind of key');
  const blob = Buffer.from(base64, 'base64');
  if (blob.toString('base64') !== base64) throw missing('base64 with loose ends');
  return blob;
}

function read(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > FILE_MAX_BYTES) throw missing(`${bytes.length} bytes`);
    return bytes.toString('latin1');
  } catch (cause) {
    if (cause instanceof LoginRefused) throw cause;
    throw missing('an unreadable file');
  }
}

function missing(got: string): LoginRefused {
  return new LoginRefused(
    'LOGIN_CERTIFICATE_MISSING',
    `one line "publickey ${CERTIFICATE_TYPE} …" in the file that SSH_USER_AUTH names`,
    got,
    'the sandbox takes certificate logins through its own sshd only (ExposeAuthInfo yes)',
  );
}
