import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { EBSClient, GetSnapshotBlockCommand, paginateListSnapshotBlocks } from '@aws-sdk/client-ebs';
import { DescribeImagesCommand, DescribeSnapshotsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { clientOptions } from './clients.ts';

const GIBIBYTE = 1024 ** 3;
/** EBS has no other; moto says 512, and means it. */
const BLOCK_BYTES = 512 * 1024;
const DOWNLOADS = 8;

/**
 * Writes the disk that EC2 would start an image from: every block of its snapshot, each checked against its checksum, and nothing where there
 * is none. Rejects where an image has no snapshot of its own.
 */
export async function readDisk(endpoint: string, imageId: string, file: string): Promise<void> {
  const [ec2, ebs] = [new EC2Client(clientOptions(endpoint)), new EBSClient(clientOptions(endpoint))];
  try {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    const SnapshotId = Images[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? '';
    const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }));
    await using disk = await open(file, 'wx');
    await disk.truncate((Snapshots[0]?.VolumeSize ?? 0) * GIBIBYTE);
    for await (const { Blocks = [] } of paginateListSnapshotBlocks({ client: ebs }, { SnapshotId })) {
      const left = [...Blocks];
      const work = async (): Promise<void> => {
        for (let block = left.shift(); block !== undefined; block = left.shift()) {
          const { BlockIndex = 0, BlockToken = '' } = block;
          const request = new GetSnapshotBlockCommand({ SnapshotId, BlockIndex, BlockToken });
          const { BlockData, Checksum } = await ebs.send(request);
          const data = Buffer.from((await BlockData?.transformToByteArray()) ?? []);
          if (createHash('sha256').update(data).digest('base64') !== Checksum)
            throw new Error(`expected block ${BlockIndex} of ${SnapshotId} to have its checksum`);
          await disk.write(data, 0, data.length, BlockIndex * BLOCK_BYTES);
        }
      };
      await Promise.all(Array.from({ length: DOWNLOADS }, work));
    }
  } finally {
    ec2.destroy();
    ebs.destroy();
  }
}
