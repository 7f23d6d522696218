import { lstat, readdir } from 'node:fs/promises';
import type { FoundId } from '../../driver.ts';
import { isAbsence } from '../../host/looks/found.ts';
import { isRunId, liveDirectory, runFolderOf, runOfStack } from '../../host/run-folder.ts';
import { findStacks } from '../../host/stack-files.ts';
import { awsId, directoryId, stackId } from '../ids.ts';
import type { AwsDriverOptions } from '../options.ts';
import type { Parts } from '../parts.ts';
import { ROLES, TAGS, type Tags } from '../tags.ts';
import { type Kind, listByTags, type Seen } from './kind.ts';
import { KINDS } from './kinds.ts';

/**
 * Everything that carries this installation's tags for sandboxes, and what this host keeps of runs. Found by looking: no manifest and no
 * state is read. What EC2 calls terminated is not listed: it is gone.
 */
export async function takeInventory(parts: Parts, runId?: string): Promise<readonly FoundId[]> {
  const { options, clients, now } = parts;
  const found = await Promise.all(
    KINDS.map(async (kind) => {
      const seen = await listByTags(kind, clients.ec2, ownTags(options, runId));
      return seen.filter(({ exists }) => exists).flatMap((one) => foundId(options, kind, one, now()));
    }),
  );
  return [...found.flat(), ...(await outsideAws(parts, runId))];
}

/** The tags that everything of one run carries, or of all runs of this installation. */
export function ownTags({ installationId }: AwsDriverOptions, runId?: string): Tags {
  const own = { [TAGS.installation]: installationId, [TAGS.role]: ROLES.sandbox };
  return runId === undefined ? own : { ...own, [TAGS.run]: runId };
}

/** What has our tags and no run is none of ours: a run's burn could never name it. */
function foundId(options: AwsDriverOptions, { kind }: Kind, seen: Seen, at: Date): readonly FoundId[] {
  const runId = seen.tags[TAGS.run] ?? '';
  if (!isRunId(runId)) return [];
  const deadline = seen.tags[TAGS.deadline];
  return [
    {
      ...awsId(options, runId, { kind, id: seen.id, seen: true, at }),
      runId,
      ...(seen.since !== undefined && { since: seen.since }),
      ...(deadline !== undefined && { deadline }),
    },
  ];
}

/** Folders of this host, and stacks wherever their state is. */
async function outsideAws({ options, remoteState }: Parts, runId: string | undefined): Promise<readonly FoundId[]> {
  const wanted = (run: string): boolean => runId === undefined || run === runId;
  const folders = (await list(liveDirectory(options))).filter((name) => isRunId(name) && wanted(name));
  const stacks = (await (remoteState?.list() ?? findStacks(options)))
    .map((name) => runOfStack(name) ?? '')
    .filter((run) => isRunId(run) && wanted(run));
  return [
    ...(await Promise.all(folders.map((run) => folderId(options, run)))),
    ...stacks.map((run) => ({ ...stackId(options, runFolderOf(options, run)), runId: run })),
  ];
}

async function folderId(options: AwsDriverOptions, runId: string): Promise<FoundId> {
  const folder = runFolderOf(options, runId);
  const since = (await lstat(folder.directory).catch(() => undefined))?.birthtime.toISOString();
  return { ...directoryId(folder), runId, ...(since !== undefined && { since }) };
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (isAbsence(error)) return [];
    throw error;
  });
}
