import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { PutObjectCommand, PutObjectCommandInput, PutObjectCommandOutput } from '@aws-sdk/client-s3';
import { ArchiveError } from './errors.ts';
import type { S3Use } from './s3.ts';

/** What is put: bytes or a file, its size and its SHA-256 known beforehand (lowercase hex). */
export type ObjectSource = { readonly bytes: number; readonly sha256: string } & (
  { readonly content: Buffer | string } | { readonly file: string }
);

/** Sends one object once. A file is read as a stream, and anything wrong with it is said rather than waited for. */
export async function sendObject(
  use: S3Use,
  input: PutObjectCommandInput,
  source: ObjectSource,
): Promise<PutObjectCommandOutput> {
  if ('content' in source) return send(use, { ...input, Body: source.content }, source);
  await using handle = await openSealed(source.file, source.bytes);
  if (source.bytes === 0) return await send(use, { ...input, Body: '' }, source);
  const unreadable = new AbortController();
  const body = handle.createReadStream({ end: source.bytes - 1, autoClose: false }).on('error', (error) => {
    unreadable.abort(error);
  });
  try {
    return await send(
      { ...use, abortSignal: AbortSignal.any([use.abortSignal, unreadable.signal]) },
      { ...input, Body: body },
      source,
    );
  } catch (error) {
    throw unreadable.signal.aborted ? unreadableFile(source.file, unreadable.signal.reason) : error;
  } finally {
    body.destroy();
  }
}

/** A file that is shorter by now would keep the store waiting for the rest. */
async function openSealed(file: string, bytes: number): Promise<FileHandle> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw unreadableFile(file, error);
  });
  const { size } = await handle.stat();
  if (size === bytes) return handle;
  await handle.close();
  const said = {
    expected: `${file} to have ${bytes} bytes`,
    got: String(size),
    hint: 'it changed after it was sealed; see who wrote to it',
  };
  throw new ArchiveError('checksum_mismatch', said);
}

async function send({ client, sdk, abortSignal }: S3Use, input: PutObjectCommandInput, source: ObjectSource) {
  return client.send(signedByHash(new sdk.PutObjectCommand(input), source), { abortSignal });
}

/** Signing covers the content by the hash we already have: the SDK would hash it again, or leave a stream unsigned. */
function signedByHash(command: PutObjectCommand, { sha256 }: ObjectSource): PutObjectCommand {
  command.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = sha256;
      return next(args);
    },
    { step: 'build', name: 'knownContentHash' },
  );
  return command;
}

function unreadableFile(file: string, cause: unknown): ArchiveError {
  const got = cause instanceof Error ? cause.message : String(cause);
  return new ArchiveError(
    'refused',
    { expected: `to read ${file}`, got, hint: 'the file was there when it was sealed; see who removed it' },
    { cause },
  );
}
