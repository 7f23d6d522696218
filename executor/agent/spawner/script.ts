import { arch } from 'node:process';
import { INPUT_FOLDER } from '../../protocol/contracts.ts';
import { FILE_MAX_BYTES } from '../../protocol/limits.ts';
import { ActionFailure } from '../failure.ts';
import type { Descriptor } from '../files/descriptor.ts';
import { hashFile } from '../files/hash-file.ts';
import { openFile } from '../files/open.ts';
import { readPart } from '../files/read-part.ts';

/** Bytes of a `#!` line that the kernel reads (linux/binfmts.h BINPRM_BUF_SIZE). */
const HEAD_BYTES = 256;

/** Checks an uploaded script before it is run: what its name says, and of a kind that the kernel runs by itself. Throws ActionFailure. */
export function checkScript(root: string, sha256: string): void {
  using file = openUpload(root, sha256);
  checkHead(readPart(file, 0, HEAD_BYTES));
}

/** Opens an upload without following links, and hashes what was opened: it is what its name says. Throws ActionFailure. */
export function openUpload(root: string, sha256: string): Descriptor {
  const path = `${INPUT_FOLDER}${sha256}`;
  const file = openFile(root, path);
  using undo = new DisposableStack();
  undo.use(file);
  const { size } = file.stat();
  if (size > FILE_MAX_BYTES) {
    throw new ActionFailure('TOO_LARGE', {
      expected: `at most ${FILE_MAX_BYTES} bytes`,
      got: String(size),
      hint: 'upload less',
    });
  }
  const found = hashFile(file);
  if (found !== sha256) {
    throw new ActionFailure('DIGEST_MISMATCH', {
      expected: sha256,
      got: found,
      hint: `put_file wrote other content to ${path}`,
    });
  }
  undo.move();
  return file;
}

/**
 * A file that the kernel does not know (ENOEXEC) must not come as far as execvp(3), which would hand it to a shell: so it is a `#!` line
 * with an absolute interpreter, or a 64-bit ELF program for this machine.
 */
function checkHead(head: Buffer): void {
  if (head.subarray(0, 4).equals(ELF_MAGIC)) {
    const machine = head.length >= 20 ? head.readUInt16LE(18) : 0;
    if (head[4] === ELF_64_BIT && machine === ELF_MACHINES[arch]) return;
    throw notExecutable('an ELF program for this machine', 'one for another', 'build it for the sandbox');
  }
  const line = /^#![ \t]*(\/[^\s\0]+)[^\0\n]*\n/.exec(head.toString('latin1'));
  if (line === null) {
    throw notExecutable(
      `a first line "#!/absolute/interpreter" within ${HEAD_BYTES} bytes`,
      'none',
      'add one; there is no shell to guess',
    );
  }
}

const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');
const ELF_64_BIT = 2;
const ELF_MACHINES: Readonly<Record<string, number | undefined>> = { x64: 62, arm64: 183 };

function notExecutable(expected: string, got: string, hint: string): ActionFailure {
  return new ActionFailure('NOT_EXECUTABLE', { expected, got, hint });
}
