import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskImage } from '../../images/aws/disk.ts';
import { rethrowImageError } from './image-error.ts';
import type { Environment } from './item.ts';
import { ensureSetup, requireSetup, type SetupOptions } from './setup.ts';

/** What is baked into the disk, and how it is made. */
export interface AwsDiskOptions extends Pick<SetupOptions, 'home' | 'root' | 'signal' | 'onEvent'> {
  readonly env: Environment;
  readonly caPublicKey: string;
  readonly relayAddress: string;
  /** Where its sshd may forward to. */
  readonly tunnels: readonly string[];
  readonly onProgress: (what: string) => void;
}

/** A disk that is there until it is disposed of. */
export interface AwsDisk extends DiskImage, AsyncDisposable {}

/** Fetching the boot loaders once, and a minute of packing; ten times that on a busy machine. */
const DEADLINE_SECONDS = 900;

/** Makes the sandbox image current and a disk for EC2 of it, in a folder of its own in the data directory. Rejects with SetupError. */
export async function makeAwsDisk(options: AwsDiskOptions): Promise<AwsDisk> {
  const { home, caPublicKey, relayAddress, tunnels, env, signal, onProgress } = options;
  requireSetup(await ensureSetup({ ...options, only: ['image'] }));
  const [{ buildDisk }, { currentImage }, { stepOptions }, { LIFETIME_MAX_SECONDS }] = await Promise.all([
    import('../../images/aws/disk.ts'),
    import('../../images/build.ts'),
    import('../../images/step.ts'),
    import('../../images/aws/words.ts'),
  ]);
  await mkdir(join(home, 'aws'), { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(home, 'aws', 'disk-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const step = stepOptions({ env, onProgress, ...(signal !== undefined && { signal }) }, DEADLINE_SECONDS);
    const image = await currentImage(home);
    const baked = { caPublicKey, relayAddress, tunnels, lifetimeSeconds: LIFETIME_MAX_SECONDS };
    const disk = await buildDisk({ home, image, step, file: join(folder, 'disk.img'), ...baked });
    return { ...disk, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    return rethrowImageError(error);
  }
}
