import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Invocation } from './arguments.ts';
import { checkpointText } from '../state/checkpoint.ts';
import { Codec } from '../state/codec.ts';
import { EngineError } from '../errors.ts';
import { isMissing, readIfPresent, writeDurably } from '../backend/files.ts';
import { forgetHistory, presentHistory, readHistory } from '../backend/history.ts';
import { parseDeployment } from './import.ts';
import { metaFile, projectFolder } from '../backend/layout.ts';
import type { StackFiles } from '../backend/layout.ts';
import { acquireLock, breakLocks } from '../backend/lock.ts';
import { openSecrets } from '../state/secrets.ts';
import { openStackFile, readStackFile } from '../state/stack-file.ts';
import { STACK_TYPE } from '../values/urn.ts';
import { mask, reveal } from '../values/value.ts';
import type { Workspace } from './workspace.ts';

/** What a command works on. */
export interface CommandContext {
  readonly workspace: Workspace;
  readonly invocation: Invocation;
  readonly stack: string;
}

/** What it wrote. */
export interface Written {
  readonly stdout?: string;
  readonly stderr?: string;
}

/** `stack select`: only looks whether the stack is there. */
export async function selectStack({ workspace, stack }: CommandContext): Promise<Written> {
  await readStackFile(workspace.files(stack).state, stack);
  return {};
}

/** `stack init`: an empty state under the lock. */
export async function initStack({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const provider = invocation.values.get('--secrets-provider') ?? '';
  if (provider !== '' && provider !== 'passphrase')
    throw new EngineError('refused', `embedded engine: secrets provider ${provider} is not supported, only passphrase`);
  const passphrase = await workspace.passphrase();
  if (passphrase === undefined) {
    throw new EngineError(
      'bad_passphrase',
      'error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables',
    );
  }
  const files = workspace.files(stack);
  const lock = await acquireLock(files.locks);
  try {
    if ((await readIfPresent(files.state)) !== undefined) {
      throw new EngineError('stack_exists', `error: stack 'organization/${workspace.project}/${stack}' already exists`);
    }
    if ((await readIfPresent(metaFile(workspace.root))) === undefined)
      await writeDurably(metaFile(workspace.root), 'version: 1\n');
    await writeDurably(
      files.state,
      checkpointText(`organization/${workspace.project}/${stack}`, [], [], new Codec(passphrase, undefined)),
    );
  } finally {
    await lock.release();
  }
  return { stderr: `Created stack '${stack}'\n` };
}

/** `stack ls --json`: the stacks of the project. */
export async function listStacks({ workspace }: Pick<CommandContext, 'workspace'>): Promise<Written> {
  const entries: unknown[] = [];
  for (const name of await list(projectFolder(workspace.root, workspace.project))) {
    if (!name.endsWith('.json')) continue;
    const stack = name.slice(0, -'.json'.length);
    const { latest } = (await readStackFile(workspace.files(stack).state, stack)).checkpoint;
    entries.push({
      name: stack,
      current: false,
      lastUpdate: latest?.manifest.time,
      resourceCount: latest?.resources?.length ?? 0,
    });
  }
  return { stdout: json(entries) };
}

/**
 * `stack rm`: removes the stack and everything that remembers it (previous state, history, backups, lock folder): what is
 * burned leaves nothing. Refuses while resources remain, unless forced; one lone root stack resource does not count.
 */
export async function removeStack({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const files = workspace.files(stack);
  const lock = await acquireLock(files.locks);
  try {
    const { latest } = (await readStackFile(files.state, stack)).checkpoint;
    const left = latest?.resources ?? [];
    const isBare = left.length === 0 || (left.length === 1 && left[0]?.type === STACK_TYPE);
    if (!isBare && !invocation.switches.has('--force')) {
      throw new EngineError(
        'resources_left',
        `error: '${stack}' still has resources; removal rejected. Destroy them first, or remove with force`,
      );
    }
    for (const path of [files.state, files.previous, ...files.attributes]) await rm(path, { force: true });
    await forgetHistory(files);
    if (!invocation.switches.has('--preserve-config')) await workspace.removeSettings(stack);
  } finally {
    await lock.release();
  }
  await removeEmptyFolders(files);
  return { stdout: `Stack '${stack}' has been removed!\n` };
}

/** `stack output --json`: the root stack's outputs. */
export async function showOutputs({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const { resources } = await openStackFile(workspace.files(stack).state, stack, await workspace.passphrase());
  const root = resources.find((resource) => resource.type === STACK_TYPE && resource.parent === undefined);
  const shown =
    root === undefined ? {} : invocation.switches.has('--show-secrets') ? reveal(root.outputs) : mask(root.outputs);
  return { stdout: json(shown) };
}

/** `stack history --json`: newest first, by pages. */
export async function showHistory({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const files = workspace.files(stack);
  await readStackFile(files.state, stack);
  const all = await readHistory(files);
  const size = Number(invocation.values.get('--page-size') ?? all.length);
  const page = Math.max(Number(invocation.values.get('--page') ?? 1), 1);
  const entries = size > 0 ? all.slice((page - 1) * size, page * size) : all;
  return {
    stdout: json(
      presentHistory(entries, await configReader(workspace, stack, invocation.switches.has('--show-secrets'))),
    ),
  };
}

/** `stack export`: the state as it stands, or with its secrets opened. */
export async function exportStack({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const path = workspace.files(stack).state;
  const { latest } = (await readStackFile(path, stack)).checkpoint;
  if (!invocation.switches.has('--show-secrets') || latest === undefined)
    return { stdout: json({ version: 3, deployment: latest ?? null }, 4) };
  const opened = await openStackFile(path, stack, await workspace.passphrase());
  const deployment = {
    ...latest,
    ...(latest.resources === undefined ? {} : { resources: opened.resources.map((state) => Codec.show(state)) }),
    ...(latest.pending_operations === undefined
      ? {}
      : { pending_operations: opened.pending.map(({ type, resource }) => ({ type, resource: Codec.show(resource) })) }),
  };
  return { stdout: json({ version: 3, deployment }, 4) };
}

/** `stack import`: replaces the state; pending operations are dropped, and that is said. */
export async function importStack({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const files = workspace.files(stack);
  const path = invocation.values.get('--file');
  if (path === undefined) throw new EngineError('refused', 'expected stack import --file FILE');
  const lock = await acquireLock(files.locks);
  try {
    const current = await openStackFile(files.state, stack, await workspace.passphrase());
    const deployment = parseDeployment(await readFile(path, 'utf8'), stack, workspace.project);
    const codec = new Codec(await workspace.passphrase(), deployment.secrets_providers ?? current.codec.providers);
    const resources = [];
    for (const resource of deployment.resources ?? []) resources.push(await codec.open(resource));
    await codec.prepare(resources);
    await writeDurably(
      files.state,
      checkpointText(`organization/${workspace.project}/${stack}`, resources, [], codec),
      { keepPrevious: files.previous },
    );
    const dropped = (deployment.pending_operations ?? []).map(
      ({ resource, type }) => `warning: removing pending operation '${type}' on '${resource.urn}' from the state\n`,
    );
    return { stdout: 'Import complete.\n', stderr: dropped.join('') };
  } finally {
    await lock.release();
  }
}

/** `cancel`: removes every lock of the stack. */
export async function cancelStack({ workspace, stack }: CommandContext): Promise<Written> {
  await readStackFile(workspace.files(stack).state, stack);
  await breakLocks(workspace.files(stack).locks);
  return {};
}

/** `whoami --json`. */
export function showUser({ workspace }: Pick<CommandContext, 'workspace'>): Promise<Written> {
  return Promise.resolve({ stdout: json({ user: userInfo().username, url: workspace.backendUrl }) });
}

async function configReader(
  workspace: Workspace,
  stack: string,
  reveals: boolean,
): Promise<(ciphertext: string) => string> {
  const salt = (await workspace.settings(stack)).encryptionsalt;
  const passphrase = await workspace.passphrase();
  if (!reveals || salt === undefined || passphrase === undefined) return () => '[secret]';
  const secrets = await openSecrets(passphrase, salt);
  return (ciphertext) => secrets.decrypt(ciphertext);
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

async function list(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function json(value: unknown, indent = 2): string {
  return `${JSON.stringify(value, undefined, indent)}\n`;
}
