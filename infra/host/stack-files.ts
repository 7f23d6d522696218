import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT, runOfStack, stateDirectory, type Owner } from './run-folder.ts';

/*
 * Where Pulumi's file backend keeps what it knows of a stack (pulumi/pulumi, pkg/backend/diy):
 *   .pulumi/stacks/PROJECT/STACK.json, .bak, .pulumi-tags, .attrs, temporary files beside them
 *   .pulumi/locks/organization/PROJECT/STACK/   .pulumi/history/PROJECT/STACK/   .pulumi/backups/PROJECT/STACK/
 * `pulumi stack rm` leaves .bak and backups, and a killed run leaves its lock: a burnt run leaves none of them.
 */

/** Every file and folder the backend has of a stack, for a stack of ours. */
export async function stackTraces(owner: Owner, stack: string): Promise<readonly string[]> {
  if (runOfStack(stack) === undefined) return [];
  const traces = await Promise.all([
    ...FOLDERS.map((folder) => matching(join(root(owner), ...folder), (name) => name === stack)),
    matching(join(root(owner), 'stacks', PROJECT), (name) => name === stack || name.startsWith(`${stack}.`)),
  ]);
  return traces.flat();
}

/** Where the backend keeps what it always keeps of a stack, by name. */
export function stackPaths(owner: Owner, stack: string): readonly string[] {
  if (runOfStack(stack) === undefined) return [];
  const { folder, files } = stackFileNames(stack);
  return [...files.map((file) => folder + file), ...stackFolderNames(stack)].map((name) => join(root(owner), name));
}

/** What the backend always has of a stack: the folder, which ends with a slash, and the files in it. All below `.pulumi`. */
export function stackFileNames(stack: string): { readonly folder: string; readonly files: readonly string[] } {
  const files = ['.json', '.json.bak', '.json.attrs', '.pulumi-tags'].map((ending) => `${stack}${ending}`);
  return { folder: `stacks/${PROJECT}/`, files };
}

/** The folders that the backend has of a stack, below `.pulumi`. */
export function stackFolderNames(stack: string): readonly string[] {
  return FOLDERS.map((names) => [...names, stack].join('/'));
}

/** Names of all stacks of ours the backend has anything of. */
export async function findStacks(owner: Owner): Promise<readonly string[]> {
  const names = await Promise.all([
    ...FOLDERS.map((folder) => list(join(root(owner), ...folder))),
    list(join(root(owner), 'stacks', PROJECT)).then((files) => files.map((file) => file.split('.')[0] ?? '')),
  ]);
  return [...new Set(names.flat())].filter((name) => runOfStack(name) !== undefined);
}

/** Removes every trace of a stack, locks and pending operations too. Only for a stack whose resources are gone. */
export async function removeStackTraces(owner: Owner, stack: string): Promise<void> {
  for (const path of await stackTraces(owner, stack)) await rm(path, { recursive: true, force: true });
}

const FOLDERS: readonly (readonly string[])[] = [
  ['locks', 'organization', PROJECT],
  ['history', PROJECT],
  ['backups', PROJECT],
];

function root(owner: Owner): string {
  return join(stateDirectory(owner), '.pulumi');
}

async function matching(folder: string, wanted: (name: string) => boolean): Promise<readonly string[]> {
  return (await list(folder)).filter(wanted).map((name) => join(folder, name));
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
