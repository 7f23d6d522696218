import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { ArchiveError } from './errors.ts';

/** Who may use the local archive: made once, known to this data directory only. */
export interface ArchiveCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const Kept = z.strictObject({ access_key_id: z.string().min(8), secret_access_key: z.string().min(16) });

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

/** The credentials in `file` (mode 0600); made at random on first use. Throws ArchiveError when others may read them. */
export async function openCredentials(file: string): Promise<ArchiveCredentials> {
  try {
    return await createCredentials(file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw unfit(file, error);
  }
  return readCredentials(file);
}

async function createCredentials(file: string): Promise<ArchiveCredentials> {
  const made = {
    access_key_id: `burnbag-${randomBytes(6).toString('hex')}`,
    secret_access_key: randomBytes(30).toString('base64url'),
  };
  await writeFile(file, `${JSON.stringify(made)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return { accessKeyId: made.access_key_id, secretAccessKey: made.secret_access_key };
}

async function readCredentials(file: string): Promise<ArchiveCredentials> {
  await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((cause: unknown) => {
    throw unfit(file, cause);
  });
  const { mode } = await handle.stat();
  if ((mode & OTHERS) !== 0) {
    throw new ArchiveError('denied', {
      expected: `${file} to be mode 0600`,
      got: (mode & 0o7777).toString(8).padStart(4, '0'),
      hint: 'if nobody else can have read it: chmod 600; otherwise remove it and new credentials are made',
    });
  }
  try {
    const kept = Kept.parse(JSON.parse(await handle.readFile('utf8')));
    return { accessKeyId: kept.access_key_id, secretAccessKey: kept.secret_access_key };
  } catch {
    // What the parser says may quote the secret.
    const hint = 'remove it and new credentials are made: what is archived stays readable';
    throw new ArchiveError('denied', { expected: `credentials in ${file}`, got: 'something else', hint });
  }
}

function unfit(file: string, cause: unknown): ArchiveError {
  const got = cause instanceof Error ? cause.message : String(cause);
  return new ArchiveError(
    'storage_unfit',
    { expected: `to read or make ${file}`, got, hint: 'check its folder’s owner and free space' },
    { cause },
  );
}
