import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeWhole } from '../durable.ts';
import { ARCHIVE_FILE, SEAL_FILES, TIMESTAMP_FILE } from '../format/names.ts';
import { subjectOf } from '../timestamp/certificate.ts';
import { checkToken } from '../timestamp/check-token.ts';
import { readToken } from '../timestamp/token.ts';
import { askAuthority, type Stamped, type TimestampAuthority } from './ask-authority.ts';
import { TimestampError } from './errors.ts';

/** A sealed bundle, and who is asked for the time. */
export interface StampRequest {
  readonly dir: string;
  readonly authority: TimestampAuthority;
  /** How long is waited at most, where that is less than usual. */
  readonly withinMs?: number | undefined;
}

/**
 * Has the bytes of a bundle's signed envelope timestamped and keeps the token beside it. Safe to call again: a token over this envelope stays as it
 * is. One that comes after archive.json would be in no record, so none is asked for then. Rejects with TimestampError.
 */
export async function stampSeal({ dir, authority, withinMs }: StampRequest): Promise<Stamped> {
  const envelope = await readFile(join(dir, SEAL_FILES.envelope));
  const existing = await readStamp(dir, envelope);
  if (existing !== undefined) return existing;
  if (existsSync(join(dir, ARCHIVE_FILE))) {
    throw new TimestampError('tsa_refused', {
      expected: 'a timestamp before the evidence is archived',
      got: 'evidence that is archived without one',
      hint: 'the evidence stands without it',
    });
  }
  const { token, stamped } = await askAuthority(authority, envelope, { withinMs });
  await writeWhole(dir, TIMESTAMP_FILE, token);
  return stamped;
}

/** What an earlier call left. */
async function readStamp(dir: string, envelope: Buffer): Promise<Stamped | undefined> {
  const bytes = await readIfThere(join(dir, TIMESTAMP_FILE));
  if (bytes === undefined) return undefined;
  try {
    const token = readToken(bytes);
    const authority = subjectOf(checkToken(token, envelope));
    const { timeMs, policy, serial } = token.info;
    return { at: new Date(timeMs).toISOString(), authority, policy, serial: String(serial) };
  } catch {
    return undefined;
  }
}
