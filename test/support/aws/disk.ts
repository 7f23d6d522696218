import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDisk, type DiskImage } from '../../../images/aws/disk.ts';
import { currentImage } from '../../../images/build.ts';
import { preparedHome } from '../sandbox.ts';

/** Where the guest sees the relay: QEMU's own gateway plays the relay's interface. */
export const RELAY_ADDRESS = '10.0.2.2';

/** The disk that would be the AMI, from the prepared image, with this CA and this longest life; removed on disposal. */
export async function makeDisk(
  caPublicKey: string,
  lifetimeSeconds: number,
): Promise<DiskImage & { readonly [Symbol.asyncDispose]: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-disk-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const made = await buildDisk({
      ...{ home: preparedHome(), image: await currentImage(preparedHome()), file: join(folder, 'disk.img') },
      ...{ caPublicKey, relayAddress: RELAY_ADDRESS, lifetimeSeconds },
      // Under emulation only, as on a local machine.
      moreWords: ['nokaslr', 'mitigations=off'],
      step: { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, deadlineSeconds: 300, onProgress: () => undefined },
    });
    return { ...made, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
