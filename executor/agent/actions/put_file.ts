import { createHash, randomBytes } from 'node:crypto';
import { constants, fchmodSync, linkSync, unlinkSync, writeSync } from 'node:fs';
import { posix } from 'node:path';
import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import { ActionFailure } from '../failure.ts';
import { Descriptor } from '../files/descriptor.ts';
import { openFolder } from '../files/open.ts';
import type { Context } from './action.ts';

/** Readable and executable for everybody, writable for nobody: what was uploaded stays what it was. */
const MODE = 0o555;

/** Writes one file under a name that is free. It appears whole or not at all: written aside, checked, then linked to its name. */
export function putFile(args: ActionArgs<'put_file'>, { guest }: Context): ActionResult<'put_file'> {
  const content = Buffer.from(args.content_base64, 'base64');
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 !== args.sha256) {
    throw new ActionFailure('DIGEST_MISMATCH', {
      expected: args.sha256,
      got: sha256,
      hint: 'sha256 is of the decoded content',
    });
  }
  using folder = openFolder(guest.root, posix.dirname(args.path));
  const aside = `${folder.link}/.incoming-${randomBytes(8).toString('hex')}`;
  try {
    writeAll(aside, content);
    linkSync(aside, `${folder.link}/${posix.basename(args.path)}`);
  } finally {
    remove(aside);
  }
  return { path: args.path, bytes: content.length, sha256 };
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
