import { DriverError } from '../../error.ts';
import { accountCheck } from '../account.ts';
import { openClients } from '../api/clients.ts';
import type { AwsDriverOptions } from '../options.ts';
import { type Baked, misfitOf, tunnelsOf } from './baked.ts';
import { type AwsImage, findImage, type ImageParts, listImages } from './find.ts';
import { type Publication, publishImage, type Published } from './publish.ts';
import { listUnfinished, type Retired, retireImage, type Unfinished } from './retire.ts';

/** Where images are, whose they are, and what is baked into those that fit, whatever tunnels they have. */
export interface ImagesOptions
  extends Pick<AwsDriverOptions, 'access' | 'accountId' | 'installationId' | 'imageId'>, Omit<Baked, 'tunnels'> {}

/** An image as `list` shows it. */
export interface ListedImage extends AwsImage {
  /** What does not fit this installation; null where runs can start from it. */
  readonly misfit: string | null;
  readonly tunnels: readonly string[];
  /** Whether the next run with its tunnels starts from it. */
  readonly inUse: boolean;
}

/** The images of one installation in one account and region. Everything rejects with DriverError, `wrong_account` before anything else. */
export interface Images {
  publish(disk: Omit<Publication, 'baked'> & Pick<Baked, 'tunnels'>): Promise<Published>;
  list(): Promise<{ readonly images: readonly ListedImage[]; readonly unfinished: readonly Unfinished[] }>;
  /** Refuses the one in use unless `evenInUse`. */
  retire(id: string, options: { readonly evenInUse: boolean }): Promise<Retired>;
  close(): void;
}

/** Opens the images of an installation. Nothing is sent yet. */
export function openImages(options: ImagesOptions): Images {
  const clients = openClients(options.access);
  const parts = { clients, options };
  const checkAccount = accountCheck(clients, options);
  return {
    publish: async ({ tunnels, ...disk }) => {
      await checkAccount();
      return publishImage(parts, { ...disk, baked: { ...options, tunnels } });
    },
    list: async () => {
      await checkAccount();
      const images = await listImages(parts);
      const used = await idsInUse(parts, options, images);
      const listed = images.map((image) => {
        const tunnels = tunnelsOf(image.tags);
        const misfit = misfitOf(image.tags, { ...options, tunnels }) ?? null;
        return { ...image, misfit, tunnels, inUse: used.has(image.id) };
      });
      return { images: listed, unfinished: await listUnfinished(parts, images) };
    },
    retire: async (id, { evenInUse }) => {
      await checkAccount();
      const used = evenInUse ? new Set<string>() : await idsInUse(parts, options, await listImages(parts));
      return retireImage(parts, id, used);
    },
    close: () => {
      clients.close();
    },
  };
}

/** One for each list of tunnels that some image has. */
async function idsInUse(
  parts: ImageParts,
  options: ImagesOptions,
  images: readonly AwsImage[],
): Promise<ReadonlySet<string>> {
  const lists = new Map(images.map(({ tags }) => [tunnelsOf(tags).join(' '), tunnelsOf(tags)]));
  const ids = await Promise.all([...lists.values()].map((tunnels) => idInUse(parts, { ...options, tunnels })));
  return new Set(ids.filter((id) => id !== undefined));
}

/** Only where there is certainly none: an API that does not answer is no leave to retire what runs start from. */
async function idInUse(parts: ImageParts, baked: Baked): Promise<string | undefined> {
  try {
    return (await findImage(parts, baked)).id;
  } catch (error) {
    if (error instanceof DriverError && ['no_image', 'image_misfit'].includes(error.code)) return undefined;
    throw error;
  }
}
