import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { runOfStack } from '../host/run-folder.ts';
import { stackFileNames, stackFolderNames } from '../host/stack-files.ts';
import { found, type Look } from '../host/looks/found.ts';
import { type AwsAccess, openS3 } from './api/clients.ts';
import { codeOf, translateAws } from './api/errors.ts';
import { statePlaceOf } from './state-url.ts';

/**
 * The state of stacks in S3, as Pulumi's own backend keeps it there: the same names as in a folder (../host/stack-files.ts), as keys below the
 * path of the URL. The `pulumi` binary writes it; what is here only looks and deletes, as the burn must without Pulumi. Rejects with DriverError.
 */
export interface RemoteState {
  /** What the engine is given; part of the manifest of ids. */
  readonly url: string;
  look(stack: string, turn: number): Promise<Look>;
  /** Removes every object of a stack, locks too. Only for a stack whose resources are gone. */
  remove(stack: string): Promise<void>;
  /** Names of all stacks of ours. */
  list(): Promise<readonly string[]>;
  close(): void;
}

/** Opens the state behind such a URL. Nothing is sent yet. */
export function openRemoteState(access: AwsAccess, url: string): RemoteState {
  const { bucket: Bucket, path, region } = statePlaceOf(url, access.region);
  const s3 = openS3({ ...access, region });
  const root = `${path}/.pulumi`;
  const asked = async <T>(what: string, call: () => Promise<T>): Promise<T> =>
    call().catch((error: unknown) => {
      throw translateAws(error, what);
    });
  const keysOf = (stack: string): Promise<readonly string[]> =>
    asked(`the state of stack ${stack} in ${url}`, async () => {
      if (runOfStack(stack) === undefined) return [];
      const keys = await Promise.all(prefixesOf(root, stack).map((Prefix) => everyKey(s3, { Bucket, Prefix })));
      return keys.flat();
    });
  return {
    url,
    look: async (stack, turn) => {
      if (turn % 2 === 0) return found((await keysOf(stack)).length > 0, 'ListObjectsV2 of its keys');
      return asked(`the state of stack ${stack} in ${url}`, () => lookByKey(s3, Bucket, root, stack));
    },
    remove: async (stack) => {
      for (const Key of await keysOf(stack))
        await asked(`to delete ${Key}`, () => s3.send(new DeleteObjectCommand({ Bucket, Key })));
    },
    list: () =>
      asked(`the stacks in ${url}`, async () => {
        const prefixes = [...stackFolderNames(''), stackFileNames('').folder].map((folder) => `${root}/${folder}`);
        const keys = await Promise.all(prefixes.map((Prefix) => everyKey(s3, { Bucket, Prefix })));
        const names = keys.flatMap((list, index) =>
          list.map((key) => key.slice(prefixes[index]?.length).split(/[/.]/)[0] ?? ''),
        );
        return [...new Set(names)].filter((name) => runOfStack(name) !== undefined);
      }),
    close: () => {
      s3.destroy();
    },
  };
}

/** No name of a stack of ours is the beginning of another's, and what follows it is a slash or a dot. */
function prefixesOf(root: string, stack: string): readonly string[] {
  const { folder } = stackFileNames(stack);
  return [...stackFolderNames(stack).map((name) => `${root}/${name}/`), `${root}/${folder}${stack}.`];
}

async function everyKey(s3: S3Client, where: { Bucket: string; Prefix: string }): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, where))
    keys.push(...Contents.flatMap(({ Key }) => Key ?? []));
  return keys;
}

/** Asks for each object that the backend always has of a stack, and for anything in its folders. */
async function lookByKey(s3: S3Client, Bucket: string, root: string, stack: string): Promise<Look> {
  const { folder, files } = stackFileNames(stack);
  for (const file of files) if (await exists(s3, Bucket, `${root}/${folder}${file}`)) return found(true, 'HeadObject');
  for (const name of stackFolderNames(stack)) {
    const one = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: `${root}/${name}/`, MaxKeys: 1 }));
    if ((one.KeyCount ?? 0) > 0) return found(true, 'ListObjectsV2 of its folders');
  }
  return found(false, `HeadObject of its ${files.length} files: NotFound`);
}

async function exists(s3: S3Client, Bucket: string, Key: string): Promise<boolean> {
  try {
    await s3.send(new HeadObjectCommand({ Bucket, Key }));
    return true;
  } catch (error) {
    if (['NotFound', 'NoSuchKey'].includes(codeOf(error))) return false;
    throw error;
  }
}
