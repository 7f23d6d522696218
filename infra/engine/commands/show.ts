import { userInfo } from 'node:os';
import { presentHistory, readHistory } from '../backend/history.ts';
import { openSecrets } from '../state/secrets.ts';
import { openStackFile, readStackFile } from '../state/stack-file.ts';
import { STACK_TYPE } from '../values/urn.ts';
import { mask, reveal } from '../values/value.ts';
import type { CommandContext, Written } from './command.ts';
import { jsonLine } from './command.ts';
import type { Workspace } from './workspace.ts';

/** `stack output --json`: the root stack's outputs. */
export async function showOutputs({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const { resources } = await openStackFile(workspace.files(stack), await workspace.passphrase());
  const root = resources.find((resource) => resource.type === STACK_TYPE && resource.parent === undefined);
  const shown =
    root === undefined ? {} : invocation.switches.has('--show-secrets') ? reveal(root.outputs) : mask(root.outputs);
  return { stdout: jsonLine(shown) };
}

/** `stack history --json`: newest first, by pages. */
export async function showHistory({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const files = workspace.files(stack);
  await readStackFile(files);
  const all = await readHistory(files);
  const size = Number(invocation.values.get('--page-size') ?? all.length);
  const page = Math.max(Number(invocation.values.get('--page') ?? 1), 1);
  const entries = size > 0 ? all.slice((page - 1) * size, page * size) : all;
  const opened = await configReader(workspace, stack, invocation.switches.has('--show-secrets'));
  return { stdout: jsonLine(presentHistory(entries, opened)) };
}

/** `whoami --json`. */
export function showUser({ workspace }: Pick<CommandContext, 'workspace'>): Promise<Written> {
  return Promise.resolve({ stdout: jsonLine({ user: userInfo().username, url: workspace.backendUrl }) });
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
