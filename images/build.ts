import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkFiles,
  currentImage,
  folderOf,
  IMAGE_FILES,
  imageFolder,
  makeCurrent,
  type ImageInfo,
} from './current.ts';
import { sha256OfFile, sha256OfText } from './digest.ts';
import { ImageError } from './error.ts';
import { readInputs, RECIPE_ROOT, type ImageInputs } from './inputs.ts';
import { compareWithLock } from './lock.ts';
import { runStep, stepOptions, type StepSurroundings } from './step.ts';
import { checkTools } from './tools.ts';
import { removeOldImages, removeUnfinished } from './sweep.ts';
import { cutKernel } from './vmlinux.ts';

export { checkFiles, currentImage, type ImageInfo } from './current.ts';
export { ImageError, type ImageErrorCode } from './error.ts';
export { compareWithLock, writeLock } from './lock.ts';

export interface BuildOptions extends StepSurroundings {
  /** The data directory; the image goes below its `image/`. */
  readonly home: string;
  /** The agent-exec executable. */
  readonly agentFile: string;
  /** Fetch Debian's packages again although the recipe did not change. */
  readonly refresh?: boolean;
}

/**
 * Makes the sandbox image current: the one at hand where its inputs are unchanged and its bytes whole, else a new one.
 * Everything but the executor is made once per recipe and kept, so a new executor costs seconds, and an interrupted build goes on from there.
 * One build at a time per data directory (setup's lock sees to it). Throws ImageError.
 */
export async function buildImage(options: BuildOptions): Promise<ImageInfo> {
  const inputs = await readInputs(options.agentFile);
  if (options.refresh !== true) {
    const ready = await reuse(options.home, inputs);
    if (ready !== undefined) return ready;
  }
  await removeUnfinished(options.home, baseName(inputs));
  const base = await makeBase(options, inputs);
  const image = await assemble(options, inputs, base);
  await makeCurrent(options.home, image);
  await removeOldImages(options.home, image);
  for (const difference of await compareWithLock(image)) options.onProgress(difference);
  return image;
}

/** Debian's suite in the image; the recipe's scripts name it too. */
const SUITE = 'trixie';
/** Ten times what each takes on two busy cores with a near mirror. */
const BASE_DEADLINE_SECONDS = 900;
const ASSEMBLE_DEADLINE_SECONDS = 300;

async function reuse(home: string, inputs: ImageInputs): Promise<ImageInfo | undefined> {
  try {
    const image = await currentImage(home);
    if (image.builtFrom.recipe !== inputs.recipe || image.builtFrom.agent !== inputs.agent) return undefined;
    await checkFiles(image);
    return image;
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

/** Everything of the image but the executor; kept, since it changes with the recipe only. */
async function makeBase(options: BuildOptions, inputs: ImageInputs): Promise<string> {
  const base = join(imageFolder(options.home), baseName(inputs));
  if (options.refresh === true) await rm(base, { recursive: true, force: true });
  if ((await stat(base).catch(() => undefined)) !== undefined) return base;
  const step = stepOptions(options, BASE_DEADLINE_SECONDS);
  await checkTools(step.env['PATH'] ?? '');
  const work = await mkdtemp(join(imageFolder(options.home), '.build-'));
  options.onProgress('Debian packages');
  await runStep(join(RECIPE_ROOT, 'recipe/base.sh'), [work], step);
  options.onProgress('kernel and initrd');
  await runStep(join(RECIPE_ROOT, 'recipe/kernel.sh'), [work], step);
  await cutKernel(join(work, 'bzImage'), join(work, 'vmlinux'));
  await rename(work, base);
  return base;
}

/** The base and the executor: hashed, named by the hash, in place. */
async function assemble(options: BuildOptions, inputs: ImageInputs, base: string): Promise<ImageInfo> {
  options.onProgress('root image');
  const work = await mkdtemp(join(imageFolder(options.home), '.build-'));
  const step = stepOptions(options, ASSEMBLE_DEADLINE_SECONDS);
  await runStep(join(RECIPE_ROOT, 'recipe/root.sh'), [base, options.agentFile, work], step);
  const digests = await Promise.all(
    IMAGE_FILES.map(async (name) => [name, await sha256OfFile(join(work, name))] as const),
  );
  const list = digests.map(([name, digest]) => `${digest}  ${name}\n`).join('');
  await writeFile(join(work, 'digests'), list);
  const digest = sha256OfText(list);
  const directory = join(imageFolder(options.home), folderOf(digest));
  await rm(directory, { recursive: true, force: true });
  await rename(work, directory);
  const files = Object.fromEntries(digests) as ImageInfo['files'];
  return { digest, directory, files, builtFrom: { suite: SUITE, ...inputs } };
}

function baseName({ recipe }: ImageInputs): string {
  return `.base-${folderOf(recipe)}`;
}
