import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256OfFile } from './digest.ts';
import { ImageError } from './error.ts';

/** The image that sandboxes boot now, as `image/current.json` names it. Throws ImageError `no_image` where there is none. */
export async function currentImage(home: string): Promise<ImageInfo> {
  const path = join(imageFolder(home), 'current.json');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw noImage(`a sandbox image named by ${path}`, (cause as Error).message, cause);
  });
  const parsed = Current.safeParse(parseJson(text));
  if (!parsed.success) throw noImage(`${path} to name an image`, z.prettifyError(parsed.error));
  const info = { ...parsed.data, directory: join(imageFolder(home), folderOf(parsed.data.digest)) };
  for (const name of IMAGE_FILES) {
    const found = await stat(join(info.directory, name)).catch(() => undefined);
    if (found === undefined || found.size === 0)
      throw noImage(`${name} in ${info.directory}`, found === undefined ? 'no such file' : 'an empty file');
  }
  return info;
}

/** Reads every byte of an image's files again. Throws ImageError `image_damaged` at the first that is not what was built. */
export async function checkFiles(image: ImageInfo): Promise<void> {
  for (const name of IMAGE_FILES) {
    const path = join(image.directory, name);
    const [expected, got] = [image.files[name], await sha256OfFile(path)];
    if (expected !== got)
      throw new ImageError('image_damaged', {
        expected: `${path} with sha256 ${expected}`,
        got,
        hint: 'run `burnbag setup`, which builds it again',
      });
  }
}

/** Makes an image the current one, in one step: whoever reads sees the old one or the new one. */
export async function makeCurrent(home: string, { digest, files, builtFrom }: ImageInfo): Promise<void> {
  const path = join(imageFolder(home), 'current.json');
  await writeFile(`${path}.tmp`, `${JSON.stringify({ digest, files, builtFrom }, null, 2)}\n`, {
    mode: 0o644,
    flush: true,
  });
  await rename(`${path}.tmp`, path);
}

/** Where images lie. */
export function imageFolder(home: string): string {
  return join(home, 'image');
}

/** Folders carry the digest's beginning: enough to tell images apart, short enough for a command line. */
export function folderOf(digest: string): string {
  return digest.slice(0, 12);
}

/** kernel for QEMU, kernel for everything else, initrd, root file system, and the Debian packages in it. */
export const IMAGE_FILES = ['vmlinux', 'bzImage', 'initrd.img', 'root.img', 'packages.txt'] as const;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const Current = z.strictObject({
  digest: Sha256,
  files: z.strictObject({
    vmlinux: Sha256,
    bzImage: Sha256,
    'initrd.img': Sha256,
    'root.img': Sha256,
    'packages.txt': Sha256,
  }),
  builtFrom: z.strictObject({ suite: z.string(), recipe: Sha256, agent: Sha256 }),
});

/** An image on disk: its digest (over its files' digests), where it lies, what each file hashes to, what it was made from. */
export type ImageInfo = z.infer<typeof Current> & { readonly directory: string };

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function noImage(expected: string, got: string, cause?: unknown): ImageError {
  return new ImageError('no_image', { expected, got, hint: 'run `burnbag setup`, which builds it' }, { cause });
}
