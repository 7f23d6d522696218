import { currentImage, writeLock } from '../images/build.ts';
import { ensureSetup, requireSetup } from '../orchestrator/setup/setup.ts';
import { notPrepared, setupOptions } from './setup-options.ts';

/** Makes the image from this checkout and records it in `images/image.lock.json`, for the commit that changes the recipe or takes newer packages. */
export async function lockImage(): Promise<number> {
  const options = setupOptions();
  try {
    requireSetup(await ensureSetup(options));
  } catch (error) {
    return notPrepared('the image was not locked', error);
  }
  const image = await currentImage(options.home);
  await writeLock(image);
  console.log(`images/image.lock.json now records ${image.digest}`);
  return 0;
}
