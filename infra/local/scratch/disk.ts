import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DriverError } from '../../error.ts';
import { makeLuksHeader, PAYLOAD_OFFSET } from './luks.ts';

/** Creates a sparse encrypted disk file and returns its passphrase, the only copy there is. Refuses an existing file. */
export async function createScratchDisk(path: string, sizeMiB: number): Promise<string> {
  await assertSpace(path, sizeMiB);
  const passphrase = randomBytes(KEY_BYTES).toString('base64url');
  const header = await makeLuksHeader(passphrase);
  const file = await open(
    path,
    constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    await file.write(header, 0, header.length, 0);
    await file.truncate(diskBytes(sizeMiB));
  } finally {
    await file.close();
  }
  return passphrase;
}

/** Length of the disk file: what the guest sees and the header before it. */
export function diskBytes(sizeMiB: number): number {
  return PAYLOAD_OFFSET + sizeMiB * MEBIBYTE;
}

const MEBIBYTE = 1024 * 1024;
/** 256 bits of randomness: nothing to guess, so nothing to stretch. */
const KEY_BYTES = 32;
/** Left for the run's own logs and for everybody else. */
const HEADROOM_MIB = 256;

/** The file is sparse, so a full disk would only show when the guest writes: say so before it boots. */
async function assertSpace(path: string, sizeMiB: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  const freeMiB = Math.floor((bavail * bsize) / MEBIBYTE);
  if (freeMiB >= sizeMiB + HEADROOM_MIB) return;
  throw new DriverError('no_space', {
    expected: `${sizeMiB + HEADROOM_MIB} MiB free under ${dirname(path)}`,
    got: `${freeMiB} MiB`,
    hint: 'free some space, choose a profile with a smaller scratch disk, or move the data directory ($BURNBAG_HOME)',
  });
}
