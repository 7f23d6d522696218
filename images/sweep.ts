import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { imageFolder, type ImageInfo } from './current.ts';

/** Removes what interrupted builds left, and the bases of other recipes. Makes the folder of images where there is none. */
export async function removeUnfinished(home: string, base: string): Promise<void> {
  await mkdir(imageFolder(home), { recursive: true });
  for (const name of await readdir(imageFolder(home)))
    if (name.startsWith('.build-') || (name.startsWith('.base-') && name !== base))
      await rm(join(imageFolder(home), name), { recursive: true, force: true });
}

/** Removes all images but the current one and the one before it, which a machine may be booting from at this moment. */
export async function removeOldImages(home: string, { directory }: ImageInfo): Promise<void> {
  const names = (await readdir(imageFolder(home))).filter((name) => /^[0-9a-f]{12}$/.test(name));
  const others = names.map((name) => join(imageFolder(home), name)).filter((path) => path !== directory);
  const aged = await Promise.all(others.map(async (path) => ({ path, made: (await stat(path)).mtimeMs })));
  aged.sort((a, b) => b.made - a.made);
  for (const { path } of aged.slice(1)) await rm(path, { recursive: true, force: true });
}
