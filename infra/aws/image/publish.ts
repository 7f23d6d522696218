import { createHash, randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CompleteSnapshotCommand,
  type EBSClient,
  PutSnapshotBlockCommand,
  StartSnapshotCommand,
} from '@aws-sdk/client-ebs';
import { DescribeSnapshotsCommand, type EC2Client, RegisterImageCommand } from '@aws-sdk/client-ec2';
import { DriverError } from '../../error.ts';
import { openEbs } from '../api/clients.ts';
import { translateAws } from '../api/errors.ts';
import { ROLES, TAGS } from '../tags.ts';
import { type Baked, bakedTags } from './baked.ts';
import { type ImageParts, listImages } from './find.ts';

/** A disk image on this host and what it is to be called. */
export interface Publication {
  readonly file: string;
  /** Of the sandbox image inside: a tag on image and snapshot. */
  readonly imageDigest: string;
  /** Of the disk, with what is baked in: part of the name, so the same disk is published once. */
  readonly diskSha256: string;
  readonly baked: Baked;
  /** Told after each block: how many are up, of how many. */
  readonly onProgress?: (done: number, of: number) => void;
}

export interface Published {
  readonly imageId: string;
  /** Blocks that held anything and were sent; the others are zeros and cost nothing. None where the same disk was there already. */
  readonly blocks: number;
}

/** EBS direct APIs have blocks of exactly this size. */
const BLOCK_BYTES = 512 * 1024;
const GIBIBYTE = 1024 ** 3;
/** Uploads side by side: enough for a fast line, far below the service's limit of a thousand a second. */
const UPLOADS = 8;
/** A snapshot that was written is completed within a minute or two. */
const COMPLETE_MS = 600_000;
const POLL_MS = 1_000;

/**
 * Puts a disk image into an account as an AMI: block by block into a snapshot, each with its checksum, then registered. No machine builds it
 * and nothing of this host is needed there. What is there already is not put again. Rejects with DriverError; what was begun carries our tags
 * and is found by `list` and `retire`.
 */
export async function publishImage(parts: ImageParts, publication: Publication): Promise<Published> {
  const { clients, options } = parts;
  const labelled = { ...publication, installationId: options.installationId };
  const name = nameOf(labelled);
  const there = (await listImages(parts)).find((image) => image.name === name && image.state === 'available');
  if (there !== undefined) return { imageId: there.id, blocks: 0 };
  const ebs = openEbs(options.access);
  try {
    const { snapshotId, blocks } = await upload(ebs, labelled);
    await awaitCompleted(clients.ec2, snapshotId);
    return { imageId: await register(clients.ec2, labelled, snapshotId), blocks };
  } catch (error) {
    throw translateAws(error, `to publish ${publication.file}`);
  } finally {
    ebs.destroy();
  }
}

type Labelled = Publication & { readonly installationId: string };

async function upload(ebs: EBSClient, publication: Labelled): Promise<{ snapshotId: string; blocks: number }> {
  await using file = await open(publication.file, 'r');
  const { size } = await file.stat();
  const { SnapshotId: snapshotId = '' } = await ebs.send(
    new StartSnapshotCommand({
      VolumeSize: Math.ceil(size / GIBIBYTE),
      Description: nameOf(publication),
      Tags: tagsOf(publication),
      // Asked again after a lost answer, it is the same snapshot; another call of ours is another one, since the first may be retired by now.
      ClientToken: randomUUID(),
    }),
  );
  const indices = Array.from({ length: Math.ceil(size / BLOCK_BYTES) }, (_, index) => index);
  const checksums = new Map<number, Buffer>();
  let done = 0;
  const work = async (): Promise<void> => {
    for (let index = indices.shift(); index !== undefined; index = indices.shift()) {
      const block = Buffer.alloc(BLOCK_BYTES);
      await file.read(block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
      if (!block.equals(ZEROS)) checksums.set(index, await put(ebs, snapshotId, index, block));
      publication.onProgress?.((done += 1), Math.ceil(size / BLOCK_BYTES));
    }
  };
  await Promise.all(Array.from({ length: UPLOADS }, work));
  const inOrder = [...checksums].toSorted(([a], [b]) => a - b).map(([, checksum]) => checksum);
  await ebs.send(
    new CompleteSnapshotCommand({
      SnapshotId: snapshotId,
      ChangedBlocksCount: inOrder.length,
      Checksum: createHash('sha256').update(Buffer.concat(inOrder)).digest('base64'),
      ChecksumAlgorithm: 'SHA256',
      ChecksumAggregationMethod: 'LINEAR',
    }),
  );
  return { snapshotId, blocks: inOrder.length };
}

const ZEROS = Buffer.alloc(BLOCK_BYTES);

async function put(ebs: EBSClient, SnapshotId: string, BlockIndex: number, block: Buffer): Promise<Buffer> {
  const checksum = createHash('sha256').update(block).digest();
  await ebs.send(
    new PutSnapshotBlockCommand({
      ...{ SnapshotId, BlockIndex, BlockData: block, DataLength: BLOCK_BYTES },
      ...{ Checksum: checksum.toString('base64'), ChecksumAlgorithm: 'SHA256' },
    }),
  );
  return checksum;
}

async function awaitCompleted(ec2: EC2Client, snapshotId: string): Promise<void> {
  const until = performance.now() + COMPLETE_MS;
  for (;;) {
    const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }));
    const state = Snapshots[0]?.State;
    if (state === 'completed') return;
    if (state === 'error' || performance.now() > until) throw notCompleted(snapshotId, state ?? 'nothing');
    await sleep(POLL_MS);
  }
}

async function register(ec2: EC2Client, publication: Labelled, SnapshotId: string): Promise<string> {
  const device = '/dev/xvda';
  const { ImageId = '' } = await ec2.send(
    new RegisterImageCommand({
      Name: nameOf(publication),
      Description: 'Burnbag sandbox image',
      ...{ Architecture: 'x86_64', VirtualizationType: 'hvm', RootDeviceName: device },
      // Both kinds of firmware start it; ENA is its only network card; whoever asks the metadata service needs a token.
      ...{ BootMode: 'uefi-preferred', EnaSupport: true, ImdsSupport: 'v2.0' },
      BlockDeviceMappings: [{ DeviceName: device, Ebs: { SnapshotId, VolumeType: 'gp3', DeleteOnTermination: true } }],
      TagSpecifications: [{ ResourceType: 'image', Tags: tagsOf(publication) }],
    }),
  );
  return ImageId;
}

function nameOf({ installationId, diskSha256 }: Labelled): string {
  return `burnbag-${installationId}-${diskSha256.slice(0, 12)}`;
}

function tagsOf(publication: Labelled): { Key: string; Value: string }[] {
  const { installationId, imageDigest, diskSha256, baked } = publication;
  const tags = {
    Name: nameOf(publication),
    [TAGS.installation]: installationId,
    [TAGS.role]: ROLES.image,
    [TAGS.image]: imageDigest,
    [TAGS.disk]: diskSha256,
    ...bakedTags(baked),
  };
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function notCompleted(snapshotId: string, got: string): DriverError {
  const said = { expected: `snapshot ${snapshotId} to be completed within ${COMPLETE_MS / 1000} s`, got };
  return new DriverError('aws_unavailable', {
    ...said,
    hint: 'publish again; `burnbag aws image list` shows what is left of this one, `retire` removes it',
  });
}
