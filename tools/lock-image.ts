import { join } from 'node:path';
import { currentImage, writeLock } from '../images/build.ts';
import { ensureSetup } from '../orchestrator/setup/setup.ts';
import { ROOT } from './programs.ts';

/** Makes the image from this checkout and records it in `images/image.lock.json`, for the commit that changes the recipe or takes newer packages. */
export async function lockImage(): Promise<number> {
  const home = process.env['BURNBAG_HOME'] ?? join(ROOT, '.burnbag');
  const setup = await ensureSetup({ home, root: ROOT, env: process.env });
  if (!setup.ok) return 69;
  const image = await currentImage(home);
  await writeLock(image);
  console.log(`images/image.lock.json now records ${image.digest}`);
  return 0;
}
