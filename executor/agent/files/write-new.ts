import { createHash, randomBytes } from 'node:crypto';
import { constants, fchmodSync, linkSync, unlinkSync, writeSync } from 'node:fs';
import { posix } from 'node:path';
import type { MadeFile } from '../../protocol/shapes.ts';
import { ActionFailure } from '../failure.ts';
import { Descriptor } from './descriptor.ts';
import { openFolder } from './open.ts';

/** Readable and executable for everybody, writable for nobody: what was written stays what it was. */
const MODE = 0o555;

/**
 * Writes one file under a name that is free. It appears whole or not at all: checked, written aside, then linked to its name.
 * Throws ActionFailure, or a system error.
 */
export function writeNew(root: string, path: string, content: Buffer, expectedSha256: string): MadeFile {
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 !== expectedSha256) {
    const hint = 'sha256 is of the decoded content';
    throw new ActionFailure('DIGEST_MISMATCH', { expected: expectedSha256, got: sha256, hint });
  }
  using folder = openFolder(root, posix.dirname(path));
  const aside = `${folder.link}/.incoming-${randomBytes(8).toString('hex')}`;
  try {
    writeAll(aside, content);
    linkSync(aside, `${folder.link}/${posix.basename(path)}`);
  } finally {
    remove(aside);
  }
  return { path, bytes: content.length, sha256 };
}

function writeAll(path: string, content: Buffer): void {
  using file = Descriptor.open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  for (let written = 0; written < content.length;) written += writeSync(file.fd, content, written);
  fchmodSync(file.fd, MODE);
}

/** The name aside goes in any case; that it was never made is no second error. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Nothing was written aside.
  }
}
