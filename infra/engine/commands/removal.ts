import { rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isMissing, isTemporaryOf, listFolder, syncFolder } from '../backend/files.ts';
import { forgetHistory } from '../backend/history.ts';
import type { StackFiles } from '../backend/layout.ts';
import { EngineError } from '../errors.ts';
import type { Deployment } from '../state/schema.ts';
import { readStackFile } from '../state/stack-file.ts';
import { isProviderType, STACK_TYPE } from '../values/urn.ts';
import type { CommandContext, Written } from './command.ts';
import { underLock } from './command.ts';

/**
 * `stack rm`: removes the stack and everything that remembers it (previous state, history, backups, lock folder, what a
 * killed writer left): what is burned leaves nothing. Refuses, unless forced, while resources remain or an interrupted create
 * is on record whose object nobody found; one lone root stack resource does not count.
 */
export async function removeStack({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const files = workspace.files(stack);
  const written = await underLock(files, async () => {
    const { latest } = (await readStackFile(files)).checkpoint;
    if (!invocation.switches.has('--force')) refuseIfLeft(stack, latest);
    await removeFiles(files);
    if (!invocation.switches.has('--preserve-config')) await workspace.removeSettings(stack);
    return { stdout: `Stack '${stack}' has been removed!\n` };
  });
  await removeEmptyFolders(files);
  return written;
}

function refuseIfLeft(stack: string, latest: Deployment | undefined): void {
  const left = latest?.resources ?? [];
  const isBare = left.length === 0 || (left.length === 1 && left[0]?.type === STACK_TYPE);
  const text = `error: '${stack}' still has resources; removal rejected.`;
  if (!isBare) throw new EngineError('resources_left', `${text} Destroy them first, or remove with force`);
  const lost = (latest?.pending_operations ?? []).filter(
    ({ type, resource }) => type === 'creating' && resource.custom && !isProviderType(resource.type),
  );
  if (lost.length === 0) return;
  const urns = lost.map(({ resource }) => `\n  * ${resource.urn}, interrupted while creating`).join('');
  throw new EngineError(
    'resources_left',
    `${text} Objects that nobody found may exist: look for them, then remove with force:${urns}`,
  );
}

/** The state goes last: a removal that is killed can be done again. */
async function removeFiles(files: StackFiles): Promise<void> {
  await forgetHistory(files);
  const folder = dirname(files.state);
  const torn = (await listFolder(folder)).filter((name) => isTemporaryOf(name, basename(files.state)));
  const beside = [files.previous, ...files.attributes, ...torn.map((name) => join(folder, name))];
  for (const path of [...beside, files.state]) await rm(path, { force: true });
  await syncFolder(folder);
}

/** Removes the stack's folders and those above it as long as they are empty; another stack's files keep them. */
async function removeEmptyFolders(files: StackFiles): Promise<void> {
  await rm(files.locks, { recursive: true, force: true });
  for (const folder of [files.locks, files.history, files.backups, files.state].map(dirname)) {
    await rmdir(folder).catch((error: unknown) => {
      if (!isMissing(error) && !isOccupied(error)) throw error;
    });
  }
}

function isOccupied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');
}
