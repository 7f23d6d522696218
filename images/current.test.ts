import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkFiles, currentImage, folderOf, IMAGE_FILES, makeCurrent, type ImageInfo } from './current.ts';
import { sha256OfText } from './digest.ts';
import { readInputs } from './inputs.ts';
import { removeOldImages, removeUnfinished } from './sweep.ts';
import { checkTools } from './tools.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'burnbag-image-'));
});
afterEach(() => rm(home, { recursive: true }));

async function writeImage(seed: string): Promise<ImageInfo> {
  const digest = sha256OfText(seed);
  const directory = join(home, 'image', folderOf(digest));
  await mkdir(directory, { recursive: true });
  for (const name of IMAGE_FILES) await writeFile(join(directory, name), `${seed} ${name}`);
  const files = Object.fromEntries(
    IMAGE_FILES.map((name) => [name, sha256OfText(`${seed} ${name}`)]),
  ) as ImageInfo['files'];
  const image = { digest, directory, files, builtFrom: { suite: 'trixie', recipe: digest, agent: digest } };
  await makeCurrent(home, image);
  return image;
}

test('the image that was made current is the current one', async () => {
  await writeImage('first');
  const second = await writeImage('second');
  expect(await currentImage(home)).toEqual(second);
  await checkFiles(second);
});

test('no image, a broken list and an absent or empty file are all no_image', async () => {
  await expect(currentImage(home)).rejects.toMatchObject({ code: 'no_image' });
  const { directory } = await writeImage('x');
  await writeFile(join(directory, 'root.img'), '');
  await expect(currentImage(home)).rejects.toMatchObject({ code: 'no_image' });
  await rm(join(directory, 'root.img'));
  await expect(currentImage(home)).rejects.toMatchObject({ code: 'no_image' });
  await writeFile(join(home, 'image', 'current.json'), '{"digest":"../../etc"}');
  await expect(currentImage(home)).rejects.toMatchObject({ code: 'no_image' });
});

test('a changed byte is found', async () => {
  const image = await writeImage('x');
  await writeFile(join(image.directory, 'initrd.img'), 'y initrd.img');
  await expect(checkFiles(image)).rejects.toMatchObject({ code: 'image_damaged' });
});

test('sweeping keeps the current image, the one before it and its base, and nothing else', async () => {
  for (const seed of ['a', 'b', 'c']) {
    await writeImage(seed);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const name of ['.base-old', '.base-new', '.build-x']) await mkdir(join(home, 'image', name));
  await removeUnfinished(home, '.base-new');
  await removeOldImages(home, await currentImage(home));
  const { readdir } = await import('node:fs/promises');
  const kept = ['b', 'c'].map((seed) => folderOf(sha256OfText(seed)));
  expect((await readdir(join(home, 'image'))).sort()).toEqual(['.base-new', ...kept, 'current.json'].sort());
});

test('an image without an executor is not begun', async () => {
  await expect(readInputs(join(home, 'absent'))).rejects.toMatchObject({ code: 'agent_missing' });
});

test('missing tools are named, with the command that brings them', async () => {
  await expect(checkTools(home)).rejects.toMatchObject({
    code: 'tools_missing',
    hint: expect.stringContaining('mmdebstrap squashfs-tools') as string,
  });
});
