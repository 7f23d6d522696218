import { readIfPresent, writeDurably } from '../backend/files.ts';
import { refuseForeignLayout } from '../backend/foreign.ts';
import { metaFile, projectNames, stackFiles, stackNames } from '../backend/layout.ts';
import { EngineError } from '../errors.ts';
import { checkpointText } from '../state/checkpoint.ts';
import { Codec } from '../state/codec.ts';
import { readStackFile } from '../state/stack-file.ts';
import type { CommandContext, Written } from './command.ts';
import { jsonLine, underLock } from './command.ts';
import type { Workspace } from './workspace.ts';

/** `stack select`: only looks whether the stack is there. */
export async function selectStack({ workspace, stack }: CommandContext): Promise<Written> {
  await readStackFile(workspace.files(stack));
  return {};
}

/** `stack init`: an empty state under the lock. */
export async function initStack(context: CommandContext): Promise<Written> {
  const { workspace, stack, invocation } = context;
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
  return underLock(workspace.files(stack), async () => {
    await writeFirstState(context, passphrase);
    return { stderr: `Created stack '${stack}'\n` };
  });
}

/** `stack ls --json`: the stacks of the project, or with `--all` of all projects. */
export async function listStacks({
  workspace,
  invocation,
}: Pick<CommandContext, 'workspace' | 'invocation'>): Promise<Written> {
  const projects = invocation.switches.has('--all') ? await projectNames(workspace.root) : [workspace.project];
  const entries = await Promise.all(projects.map((project) => listProject(workspace, project)));
  return { stdout: jsonLine(entries.flat()) };
}

async function writeFirstState({ workspace, stack, onCheckpoint }: CommandContext, passphrase: string): Promise<void> {
  const files = workspace.files(stack);
  if ((await readIfPresent(files.state)) !== undefined)
    throw new EngineError('stack_exists', `error: stack 'organization/${workspace.project}/${stack}' already exists`);
  await refuseForeignLayout(workspace.root, workspace.project, stack);
  if ((await readIfPresent(metaFile(workspace.root))) === undefined)
    await writeDurably(metaFile(workspace.root), 'version: 1\n');
  const name = `organization/${workspace.project}/${stack}`;
  const text = checkpointText(name, [], [], new Codec(passphrase, undefined));
  await writeDurably(files.state, text);
  onCheckpoint?.(text);
}

/** A stack that goes while it is being listed is left out. */
async function listProject(workspace: Workspace, project: string): Promise<readonly unknown[]> {
  const entries: unknown[] = [];
  for (const stack of await stackNames(workspace.root, project)) {
    const file = await readStackFile(stackFiles(workspace.root, project, stack)).catch(ignoreGone);
    if (file === undefined) continue;
    const { latest } = file.checkpoint;
    entries.push({
      name: project === workspace.project ? stack : `organization/${project}/${stack}`,
      current: false,
      lastUpdate: latest?.manifest.time,
      resourceCount: latest?.resources?.length ?? 0,
    });
  }
  return entries;
}

function ignoreGone(error: unknown): undefined {
  if (error instanceof EngineError && error.code === 'stack_not_found') return undefined;
  throw error;
}
