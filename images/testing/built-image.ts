import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { preparedHome } from '../../test/support/sandbox.ts';
import { currentImage, type ImageInfo } from '../build.ts';

/** The image that sandboxes of this checkout boot; setup has made it before tests run. */
export function builtImage(): Promise<ImageInfo> {
  return currentImage(preparedHome());
}

/** One entry of the root image, as `ls -l` would show it. */
export interface Entry {
  readonly mode: string;
  readonly owner: string;
  readonly path: string;
}

/** Lists everything in a root image, without unpacking it. Symbolic links come without their target. */
export async function listRoot(image: ImageInfo): Promise<Entry[]> {
  const lines = (await unsquash(['-lln', join(image.directory, 'root.img')])).split('\n');
  return lines.flatMap((line) => {
    const match = /^([-bcdlps]\S{9}) (\S+) .{10,}? squashfs-root(\S*)(?: -> .*)?$/.exec(line);
    return match?.[1] === undefined ? [] : [{ mode: match[1], owner: match[2] ?? '', path: match[3] ?? '' }];
  });
}

/** Reads one file out of a root image. */
export function readInRoot(image: ImageInfo, path: string): Promise<string> {
  return unsquash(['-cat', join(image.directory, 'root.img'), path.replace(/^\//, '')]);
}

/** Unpacks some paths of a root image into a folder of its own, removed afterwards. */
export async function unpackRoot(
  image: ImageInfo,
  paths: readonly string[],
): Promise<{ readonly folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-root-'));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await unsquash(['-quiet', '-no-progress', '-force', '-dest', folder, join(image.directory, 'root.img'), ...paths]);
    return { folder, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Runs a program of this host that only reads. */
export async function readFrom(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...args], { ...LIMITS, env: { PATH, LC_ALL: 'C' } });
  return stdout;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const LIMITS = { timeout: 20_000, maxBuffer: 64 * 1024 * 1024 };

function unsquash(args: readonly string[]): Promise<string> {
  return readFrom('unsquashfs', args);
}
