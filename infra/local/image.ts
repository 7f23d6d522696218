import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DriverError } from '../error.ts';

/** The image that is current in the data directory. */
export interface Image {
  readonly digest: string;
  readonly directory: string;
}

/** Its files, open for reading; the caller closes them once the child has inherited them. */
export interface OpenImage extends AsyncDisposable {
  readonly kernel: FileHandle;
  readonly initrd: FileHandle;
  readonly root: FileHandle;
}

/** Finds the image that `image/current.json` names, or the one whose digest begins with `wanted`. */
export async function findImage(home: string, wanted?: string): Promise<Image> {
  const directory = join(home, 'image');
  if (wanted !== undefined) return { digest: wanted, directory: join(directory, wanted.slice(0, DIGEST_IN_PATH)) };
  const current = CurrentImage.safeParse(await readJson(join(directory, 'current.json')));
  if (!current.success)
    throw noImage(`${directory}/current.json to name a digest`, current.error.issues[0]?.message ?? 'something else');
  const { digest } = current.data;
  return { digest, directory: join(directory, digest.slice(0, DIGEST_IN_PATH)) };
}

/** Opens kernel, initrd and root. A child with another user opens the first two again, so all may read what nobody else can reach. */
export async function openImage(image: Image): Promise<OpenImage> {
  await using opened = new AsyncDisposableStack();
  const openFile = async (name: string): Promise<FileHandle> => {
    const file = await open(join(image.directory, name), 'r').catch((cause: unknown) => {
      throw noImage(`${name} in ${image.directory}`, (cause as Error).message, cause);
    });
    opened.defer(() => file.close());
    if (((await file.stat()).mode & 0o004) === 0) await file.chmod(0o444);
    return file;
  };
  const [kernel, initrd, root] = [await openFile('vmlinux'), await openFile('initrd.img'), await openFile('root.img')];
  const held = opened.move();
  return { kernel, initrd, root, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Folders are named by the digest's beginning. */
const DIGEST_IN_PATH = 12;

const CurrentImage = z.looseObject({ digest: z.string().regex(/^[0-9a-f]{12,64}$/) });

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw noImage(`a sandbox image at ${path}`, (cause as Error).message, cause);
  }
}

function noImage(expected: string, got: string, cause?: unknown): DriverError {
  return new DriverError('no_image', { expected, got, hint: 'run `burnbag setup`, which builds it' }, { cause });
}
