import { join } from 'node:path';
import { listFolder } from '../folder.ts';
import { CONTROL_FILE_MAX_BYTES, RECEIPT_FILES, RESERVED_NAMES, SEAL_FILES } from '../format/names.ts';
import { readPlain } from '../scan.ts';
import { CheckFailed, type Shown } from './check-list.ts';

/** The bundle's own files, by name: read once, so that what is hashed is what is parsed. */
export type ControlFiles = ReadonlyMap<string, Buffer>;

/** The names in a folder that may be a bundle. */
export async function checkFolder(dir: string): Promise<Shown<readonly string[]>> {
  const { names, problem } = await listFolder(dir);
  if (problem !== undefined) throw new CheckFailed(problem.expected, problem.got);
  return [names, `${names.length} files`];
}

/** Reads whichever of the bundle's own files are there; those of the seal must be. */
export async function checkSealFiles(dir: string, names: readonly string[]): Promise<Shown<ControlFiles>> {
  const files = new Map<string, Buffer>();
  for (const name of names.filter((one) => RESERVED_NAMES.has(one))) files.set(name, await readSmall(dir, name));
  return [files, requireAll(files, Object.values(SEAL_FILES))];
}

/** A bundle without a receipt may be that of a run that still stands: it is not accepted as one that was burned. */
export function checkReceiptFiles(files: ControlFiles): Shown<undefined> {
  return [undefined, requireAll(files, Object.values(RECEIPT_FILES))];
}

/** One file that is known to be there. */
export function fileOf(files: ControlFiles, name: string): Buffer {
  const content = files.get(name);
  if (content === undefined) throw new CheckFailed(name, 'no such file');
  return content;
}

function requireAll(files: ControlFiles, wanted: readonly string[]): string {
  for (const name of wanted) fileOf(files, name);
  return wanted.join(', ');
}

function readSmall(dir: string, name: string): Promise<Buffer> {
  return readPlain(join(dir, name), async (handle) => {
    const { size } = await handle.stat();
    if (size > CONTROL_FILE_MAX_BYTES)
      throw new CheckFailed(`${name} to have at most ${CONTROL_FILE_MAX_BYTES} bytes`, String(size));
    return handle.readFile();
  });
}
