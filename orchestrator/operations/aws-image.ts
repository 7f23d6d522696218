import * as z from 'zod';
import type { ListedImage } from '../../infra/index.ts';
import { loadConfiguration } from '../configuration.ts';
import { RequestError } from '../errors.ts';
import { findProfile, loadPolicy } from '../policy/profile.ts';
import { type AwsImages, openImagesOf } from '../run/open-aws.ts';
import { makeAwsDisk } from '../setup/aws-disk.ts';
import { operation, type OperationContext } from './operation.ts';
import { watchedItem } from './watched-item.ts';

const Image = z.strictObject({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  created_at: z.string(),
  image_digest: z.string(),
  snapshots: z.array(z.string()),
  /** What does not fit this installation's CA or relay; null where runs can start from it. */
  misfit: z.string().nullable(),
  /** Where its sshd may forward to, for runs of a profile with exactly these. */
  tunnels: z.array(z.string()),
  in_use: z.boolean(),
});

/** What `burnbag aws image` says. */
export const AwsImageSummary = z.discriminatedUnion('did', [
  z.strictObject({
    schema: z.literal('burnbag.aws-image/1'),
    did: z.literal('published'),
    id: z.string(),
    image_digest: z.string(),
    disk_sha256: z.string(),
    /** Baked in. */
    tunnels: z.array(z.string()),
    /** Blocks of 512 KiB that were sent; 0 where the same disk was there already. */
    blocks: z.int(),
  }),
  z.strictObject({
    schema: z.literal('burnbag.aws-image/1'),
    did: z.literal('listed'),
    images: z.array(Image),
    /** Snapshots without an image: of a publication that did not end, or is under way. */
    unfinished: z.array(z.strictObject({ id: z.string(), state: z.string(), since: z.string() })),
  }),
  z.strictObject({
    schema: z.literal('burnbag.aws-image/1'),
    did: z.literal('retired'),
    id: z.string(),
    /** All that was found absent by id afterwards. */
    gone: z.array(z.string()),
  }),
]);
type AwsImageSummary = z.infer<typeof AwsImageSummary>;

const Args = z.strictObject({
  what: z.enum(['publish', 'list', 'retire']),
  /** With `publish`: a profile whose tunnels are baked in; without it none are, which is what every profile without tunnels starts from. */
  profile: z.string().optional(),
  /** With `retire`: an image or a snapshot without one. */
  id: z.string().optional(),
  /** With `retire`: also the image that runs start from. */
  in_use: z.boolean().default(false),
});
type Args = z.output<typeof Args>;

/** The images that sandboxes on EC2 start from. Nothing of another installation is shown or touched. */
export const awsImage = operation({
  name: 'aws_image',
  summary: 'publish, list or retire the image that sandboxes on EC2 start from',
  access: 'none',
  args: Args,
  result: AwsImageSummary,
  run: async (args, context) => {
    const { environment } = context;
    const opened = await openImagesOf(environment, await loadConfiguration(environment.home));
    try {
      return await ACTIONS[args.what](opened, args, context);
    } finally {
      opened.images.close();
    }
  },
});

type Action = (opened: AwsImages, args: Args, context: OperationContext) => Promise<AwsImageSummary>;

const SCHEMA = { schema: 'burnbag.aws-image/1' } as const;
const ACTIONS: Readonly<Record<Args['what'], Action>> = {
  publish: async (opened, { profile }, context) => {
    const tunnels = profile === undefined ? [] : (findProfile(await loadPolicy(), profile).tunnels ?? []);
    const item = { item: 'aws-image', why: 'publishing the sandbox image', seconds: PUBLISH_SECONDS };
    return watchedItem(context, item, (say) => publish(opened, tunnels, context, say));
  },
  list: async ({ images }) => {
    const listed = await images.list();
    const unfinished = listed.unfinished.map((one) => ({ ...one }));
    return { ...SCHEMA, did: 'listed', images: listed.images.map(rowOf), unfinished };
  },
  retire: async ({ images }, { id, in_use }) => {
    if (id === undefined) throw noId();
    const { image, snapshots } = await images.retire(id, { evenInUse: in_use });
    return { ...SCHEMA, did: 'retired', id, gone: [...(image === null ? [] : [image]), ...snapshots] };
  },
};

/** About how long it takes over a line of 50 Mbit/s. */
const PUBLISH_SECONDS = 60;

async function publish(
  { images, caPublicKey, relayAddress }: AwsImages,
  tunnels: readonly string[],
  { environment, signal, observeSetup }: OperationContext,
  say: (what: string) => void,
): Promise<AwsImageSummary> {
  const { home, root, variables } = environment;
  const how = { home, root, env: variables, signal, onEvent: observeSetup, onProgress: say };
  await using disk = await makeAwsDisk({ ...how, caPublicKey, relayAddress, tunnels });
  const { file, imageDigest, sha256: diskSha256 } = disk;
  const onProgress = (done: number, of: number): void => {
    say(`block ${done} of ${of}`);
  };
  const published = await images.publish({ file, imageDigest, diskSha256, tunnels, onProgress });
  return {
    ...SCHEMA,
    ...{ did: 'published', id: published.imageId, blocks: published.blocks },
    ...{ image_digest: imageDigest, disk_sha256: diskSha256, tunnels: [...tunnels] },
  };
}

function rowOf(listed: ListedImage): z.infer<typeof Image> {
  const { id, name, state, createdAt, digest, snapshots, misfit, tunnels, inUse } = listed;
  return {
    ...{ id, name, state, created_at: createdAt, image_digest: digest, snapshots: [...snapshots], misfit },
    ...{ tunnels: [...tunnels], in_use: inUse },
  };
}

function noId(): RequestError {
  const hint = '`burnbag aws image list` shows what there is';
  return new RequestError('bad_argument', { expected: 'the id of an image or snapshot', got: 'none', hint });
}
