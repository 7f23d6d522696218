import { type Image, paginateDescribeImages } from '@aws-sdk/client-ec2';
import { DriverError } from '../../error.ts';
import type { AwsClients } from '../api/clients.ts';
import { translateAws } from '../api/errors.ts';
import { everyPage, PAGE_SIZE, tagsOf } from '../inventory/kind.ts';
import type { AwsDriverOptions } from '../options.ts';
import { ROLES, TAGS, type Tags } from '../tags.ts';
import { type Baked, misfitOf } from './baked.ts';

/** An image that this installation published. */
export interface AwsImage {
  readonly id: string;
  /** Of its files, as the build named it. */
  readonly digest: string;
  readonly name: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly snapshots: readonly string[];
  readonly state: string;
  readonly tags: Tags;
}

/** Whose images, where, and through what. */
export interface ImageParts {
  readonly clients: Pick<AwsClients, 'ec2'>;
  readonly options: Pick<AwsDriverOptions, 'access' | 'accountId' | 'installationId' | 'imageId'>;
}

/**
 * The image that runs start from: the configured one, else the newest that is available and fits. One with another CA baked in would trust
 * that CA's logins, and not ours: it is never started. Rejects with DriverError, `no_image` or `image_misfit`.
 */
export async function findImage(parts: ImageParts, baked: Baked): Promise<AwsImage> {
  const { installationId, access, imageId } = parts.options;
  const published = await listImages(parts);
  const candidates = published.filter(
    ({ id, state }) => state === 'available' && (imageId === undefined || id === imageId),
  );
  const [newest] = candidates;
  if (newest === undefined) {
    const which = imageId === undefined ? 'an image' : `image ${imageId}`;
    throw new DriverError('no_image', {
      expected: `${which} of installation ${installationId} in ${access.region}`,
      got: published.length === 0 ? 'none' : published.map(({ id, state }) => `${id} (${state})`).join(', '),
      hint: 'run `burnbag aws image publish`',
    });
  }
  const fitting = candidates.find(({ tags }) => misfitOf(tags, baked) === undefined);
  if (fitting !== undefined) return fitting;
  throw new DriverError('image_misfit', {
    expected: 'an image with the CA, the relay and the tunnels of this run baked in',
    got: `${newest.id}: ${misfitOf(newest.tags, baked) ?? ''}`,
    hint: `run \`${PUBLISH[baked.tunnels.length === 0 ? 'plain' : 'tunnels']}\`, with the data directory whose CA signs the logins`,
  });
}

const PUBLISH = {
  plain: 'burnbag aws image publish',
  tunnels: 'burnbag aws image publish --profile THE-ONE-WITH-THESE-TUNNELS',
};

/** Every image of this installation in this account and region, newest first. */
export async function listImages({ clients, options }: ImageParts): Promise<readonly AwsImage[]> {
  const request = { Owners: ['self'], Filters: imageFilters(options) };
  const pages = paginateDescribeImages({ client: clients.ec2, pageSize: PAGE_SIZE }, request);
  const images = await everyPage(pages, ({ Images }) => Images).catch((error: unknown) => {
    throw translateAws(error, 'to list the images of this installation');
  });
  return images
    .filter(({ OwnerId }) => OwnerId === options.accountId)
    .map(imageOf)
    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
}

/** What images of this installation, and their snapshots, are found by. */
export function imageFilters({ installationId }: Pick<AwsDriverOptions, 'installationId'>) {
  const tags = { [TAGS.installation]: installationId, [TAGS.role]: ROLES.image };
  return Object.entries(tags).map(([name, value]) => ({ Name: `tag:${name}`, Values: [value] }));
}

function imageOf(image: Image): AwsImage {
  const { ImageId = '', Name = '', CreationDate = '', State, BlockDeviceMappings = [] } = image;
  const tags = tagsOf(image.Tags);
  return {
    ...{ id: ImageId, name: Name, createdAt: CreationDate, tags, digest: tags[TAGS.image] ?? '' },
    snapshots: BlockDeviceMappings.flatMap(({ Ebs }) => (Ebs?.SnapshotId === undefined ? [] : [Ebs.SnapshotId])),
    state: State ?? 'unknown',
  };
}
