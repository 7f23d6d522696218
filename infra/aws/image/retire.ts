import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
  paginateDescribeSnapshots,
} from '@aws-sdk/client-ec2';
import { DriverError } from '../../error.ts';
import { isNotFound, translateAws } from '../api/errors.ts';
import { everyPage, PAGE_SIZE } from '../inventory/kind.ts';
import { type AwsImage, imageFilters, type ImageParts, listImages } from './find.ts';

/** A snapshot of this installation that no image is made of: a publication that did not end, or is under way. */
export interface Unfinished {
  readonly id: string;
  readonly state: string;
  /** ISO 8601. */
  readonly since: string;
}

/** What is gone now, each found absent by its id. */
export interface Retired {
  readonly image: string | null;
  readonly snapshots: readonly string[];
}

/** AWS shows what was deregistered or deleted for a moment longer. */
const GONE_MS = 60_000;
const POLL_MS = 500;

/** Snapshots of this installation without an image. Rejects with DriverError. */
export async function listUnfinished(
  { clients, options }: ImageParts,
  images: readonly AwsImage[],
): Promise<readonly Unfinished[]> {
  const used = new Set(images.flatMap(({ snapshots }) => snapshots));
  return (await listSnapshots({ clients, options })).filter(({ id }) => !used.has(id));
}

/**
 * Takes an image out of use, and deletes the snapshot it is made of; or deletes a snapshot without an image. Only what carries this
 * installation's tags, and not what is in `inUse`, the images that runs start from. Runs that go on are not touched. Rejects with DriverError.
 */
export async function retireImage(parts: ImageParts, id: string, inUse: ReadonlySet<string>): Promise<Retired> {
  const { ec2 } = parts.clients;
  const images = await listImages(parts);
  const image = images.find((one) => one.id === id);
  if (image === undefined) {
    const unfinished = await listUnfinished(parts, images);
    if (!unfinished.some((one) => one.id === id)) throw noSuchImage(parts, id);
    await deleteSnapshot(ec2, id);
    return { image: null, snapshots: [id] };
  }
  if (inUse.has(id)) throw isInUse(id);
  const ours = new Set((await listSnapshots(parts)).map((snapshot) => snapshot.id));
  const snapshots = image.snapshots.filter((snapshot) => ours.has(snapshot));
  await deregister(ec2, id);
  for (const snapshot of snapshots) await deleteSnapshot(ec2, snapshot);
  return { image: id, snapshots };
}

async function listSnapshots({ clients, options }: ImageParts): Promise<readonly Unfinished[]> {
  const request = { OwnerIds: ['self'], Filters: imageFilters(options) };
  const pages = paginateDescribeSnapshots({ client: clients.ec2, pageSize: PAGE_SIZE }, request);
  const snapshots = await everyPage(pages, (page) => page.Snapshots).catch((error: unknown) => {
    throw translateAws(error, 'to list the snapshots of this installation’s images');
  });
  return snapshots
    .filter(({ OwnerId }) => OwnerId === options.accountId)
    .map(({ SnapshotId = '', State, StartTime }) => ({
      id: SnapshotId,
      state: State ?? 'unknown',
      since: StartTime?.toISOString() ?? '',
    }));
}

async function deregister(ec2: EC2Client, ImageId: string): Promise<void> {
  await unlessGone(ec2.send(new DeregisterImageCommand({ ImageId })), `to deregister ${ImageId}`);
  await awaitGone(ImageId, async () => {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [ImageId] }));
    return Images.every(({ State }) => State === 'deregistered');
  });
}

async function deleteSnapshot(ec2: EC2Client, SnapshotId: string): Promise<void> {
  await unlessGone(ec2.send(new DeleteSnapshotCommand({ SnapshotId })), `to delete ${SnapshotId}`);
  await awaitGone(SnapshotId, async () => {
    const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }));
    return Snapshots.length === 0;
  });
}

/** A second `retire` goes on where the first one was cut off. */
async function unlessGone(call: Promise<unknown>, what: string): Promise<void> {
  await call.catch((error: unknown) => {
    if (!isNotFound(error)) throw translateAws(error, what);
  });
}

async function awaitGone(id: string, isGone: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + GONE_MS;
  for (;;) {
    const gone = await isGone().catch((error: unknown) => {
      if (isNotFound(error)) return true;
      throw translateAws(error, `to look up ${id}`);
    });
    if (gone) return;
    if (performance.now() > until) {
      const said = { expected: `${id} to be gone within ${GONE_MS / 1000} s`, got: 'that it is still shown' };
      throw new DriverError('aws_unavailable', { ...said, hint: 'look again with `burnbag aws image list`' });
    }
    await sleep(POLL_MS);
  }
}

function noSuchImage({ options: { installationId, access } }: ImageParts, id: string): DriverError {
  return new DriverError('no_such_image', {
    expected: `an image or snapshot that installation ${installationId} published in ${access.region}`,
    got: id,
    hint: '`burnbag aws image list` shows them; nothing else is touched',
  });
}

function isInUse(id: string): DriverError {
  return new DriverError('image_in_use', {
    expected: 'an image that no run will start from',
    got: `${id}, which the next run starts from`,
    hint: 'publish another one first, or say --in-use: then no run starts until one is published',
  });
}
