import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { DriverError } from '../../error.ts';

/** A file that has no name and lives in memory only: how a secret reaches a child process without touching disk, argument vector or environment. */
export interface MemoryFile {
  readonly fd: number;
  /** Empties the file (for every process that holds it) and closes it here. Safe to call twice. */
  burn(): Promise<void>;
}

/**
 * Makes one with the given content. The child opens it again as /proc/self/fd/N, which the kernel checks against the file's owner,
 * so the file is given to `uid` where that is another one. Not a pipe: Node's are sockets, which cannot be opened by name.
 */
export async function makeMemoryFile(content: string, uid: number | undefined): Promise<MemoryFile> {
  const file = await openNameless();
  try {
    await file.write(content);
    if (uid !== undefined) await file.chown(uid, uid);
  } catch (error) {
    await file.close();
    throw error;
  }
  let burnt = false;
  return {
    fd: file.fd,
    async burn() {
      if (burnt) return;
      burnt = true;
      await file.write(Buffer.alloc(Buffer.byteLength(content)), 0, undefined, 0);
      await file.truncate(0);
      await file.close();
    },
  };
}

/** open(2): a file without a name. Node does not name this flag; Linux composes it from O_DIRECTORY, whose value differs per architecture. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
const MEMORY = '/dev/shm';

async function openNameless(): Promise<FileHandle> {
  try {
    return await open(MEMORY, O_TMPFILE | constants.O_RDWR, 0o600);
  } catch (cause) {
    const got = (cause as Error).message;
    throw new DriverError(
      'no_memory',
      {
        expected: `a writable tmpfs at ${MEMORY} for the scratch disk's key`,
        got,
        hint: `mount one: mount -t tmpfs tmpfs ${MEMORY}`,
      },
      { cause },
    );
  }
}
