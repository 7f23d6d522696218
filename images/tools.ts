import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { userInfo } from 'node:os';
import { ImageError } from './error.ts';

/** Checks what a build needs of this machine before anything is fetched: its programs, and the right to be (or to act as) root in a folder. */
export async function checkTools(path: string): Promise<void> {
  const missing: string[] = [];
  for (const [program, packageName] of PROGRAMS) if (!(await isOnPath(program, path))) missing.push(packageName);
  if (missing.length > 0) {
    const hint = `install them: apt-get install --no-install-recommends ${missing.join(' ')}`;
    throw new ImageError('tools_missing', {
      expected: 'the image tools on PATH',
      got: `none of ${missing.join(', ')}`,
      hint,
    });
  }
  if (process.getuid?.() === 0) return;
  const { username, uid } = userInfo();
  const ranges = await readFile('/etc/subuid', 'utf8').catch(() => '');
  const hasRange = ranges.split('\n').some((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`));
  if (hasRange && (await isOnPath('newuidmap', path))) return;
  throw new ImageError('no_privilege', {
    expected: 'root, or a user with a range in /etc/subuid and the program newuidmap (package uidmap)',
    got: `${username} ${hasRange ? 'without newuidmap' : 'without a range'}`,
    hint: `as root: apt-get install uidmap && usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`,
  });
}

/** Program, and the Debian package that has it. */
const PROGRAMS = [
  ['mmdebstrap', 'mmdebstrap'],
  ['sqfstar', 'squashfs-tools'],
  ['cpio', 'cpio'],
  ['xz', 'xz-utils'],
  ['dpkg-deb', 'dpkg'],
  ['tar', 'tar'],
] as const;

async function isOnPath(program: string, path: string): Promise<boolean> {
  for (const folder of path.split(delimiter)) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
