import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { DriverError } from '../error.ts';

/** The absolute path of a program of the host. Fixed folders, not $PATH: what runs as root must not come from a caller's environment. */
export async function findProgram(name: keyof typeof PACKAGE_OF): Promise<string> {
  for (const folder of FOLDERS) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  throw new DriverError('no_qemu', {
    expected: `${name} in one of ${FOLDERS.join(', ')}`,
    got: 'no such program',
    hint: `run \`burnbag setup\`, or install the package ${PACKAGE_OF[name]}`,
  });
}

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

const PACKAGE_OF = {
  'qemu-system-x86_64': 'qemu-system-x86',
  setpriv: 'util-linux',
  prlimit: 'util-linux',
  unshare: 'util-linux',
  true: 'coreutils',
} as const;

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
