import { type Image, paginateDescribeImages } from '@aws-sdk/client-ec2';
import { DriverError } from '../error.ts';
import { translateAws } from './api/errors.ts';
import { everyPage, PAGE_SIZE, tagsOf } from './inventory/kind.ts';
import type { Parts } from './parts.ts';
import { ROLES, TAGS } from './tags.ts';

/** An image that sandboxes of this installation may start from. */
export interface AwsImage {
  readonly id: string;
  /** Of its files, as the build named it. */
  readonly digest: string;
  readonly name: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly snapshots: readonly string[];
  readonly state: string;
}

/** The newest image that is available. Rejects with DriverError `no_image` where there is none. */
export async function findImage(parts: Pick<Parts, 'clients' | 'options'>): Promise<AwsImage> {
  const [newest] = (await listImages(parts)).filter(({ state }) => state === 'available');
  if (newest !== undefined) return newest;
  throw new DriverError('no_image', {
    expected: `an image of installation ${parts.options.installationId} in ${parts.options.access.region}`,
    got: 'none',
    hint: 'run `burnbag aws image publish`',
  });
}

/** Every image of this installation in this account and region, newest first. */
export async function listImages({
  clients,
  options,
}: Pick<Parts, 'clients' | 'options'>): Promise<readonly AwsImage[]> {
  const { installationId, accountId } = options;
  const tags = { [TAGS.installation]: installationId, [TAGS.role]: ROLES.image };
  const Filters = Object.entries(tags).map(([name, value]) => ({ Name: `tag:${name}`, Values: [value] }));
  const request = { Owners: ['self'], Filters };
  const pages = paginateDescribeImages({ client: clients.ec2, pageSize: PAGE_SIZE }, request);
  const images = await everyPage(pages, ({ Images }) => Images).catch((error: unknown) => {
    throw translateAws(error, 'to list the images of this installation');
  });
  return images
    .filter(({ OwnerId }) => OwnerId === accountId)
    .map(imageOf)
    .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
}

function imageOf({
  ImageId = '',
  Name = '',
  Tags,
  CreationDate = '',
  State,
  BlockDeviceMappings = [],
}: Image): AwsImage {
  return {
    id: ImageId,
    digest: tagsOf(Tags)[TAGS.image] ?? '',
    name: Name,
    createdAt: CreationDate,
    snapshots: BlockDeviceMappings.flatMap(({ Ebs }) => (Ebs?.SnapshotId === undefined ? [] : [Ebs.SnapshotId])),
    state: State ?? 'unknown',
  };
}
