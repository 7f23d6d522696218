import { readFile } from 'node:fs/promises';
import { writeDurably } from '../backend/files.ts';
import { EngineError } from '../errors.ts';
import { checkpointText } from '../state/checkpoint.ts';
import { Codec } from '../state/codec.ts';
import type { State } from '../state/schema.ts';
import { openStackFile, readStackFile } from '../state/stack-file.ts';
import type { CommandContext, Written } from './command.ts';
import { jsonLine, underLock } from './command.ts';
import { parseDeployment } from './deployment.ts';

/** `stack export`: the state as it stands, or with its secrets opened. */
export async function exportStack({ workspace, stack, invocation }: CommandContext): Promise<Written> {
  const files = workspace.files(stack);
  const { latest } = (await readStackFile(files)).checkpoint;
  if (!invocation.switches.has('--show-secrets') || latest === undefined)
    return { stdout: jsonLine({ version: 3, deployment: latest ?? null }, 4) };
  const opened = await openStackFile(files, await workspace.passphrase());
  const deployment = {
    ...latest,
    ...(latest.resources === undefined ? {} : { resources: opened.resources.map((state) => Codec.show(state)) }),
    ...(latest.pending_operations === undefined
      ? {}
      : { pending_operations: opened.pending.map(({ type, resource }) => ({ type, resource: Codec.show(resource) })) }),
  };
  return { stdout: jsonLine({ version: 3, deployment }, 4) };
}

/** `stack import`: replaces the state; pending operations are dropped, and that is said. */
export async function importStack(context: CommandContext): Promise<Written> {
  const { workspace, stack, invocation, onCheckpoint } = context;
  const files = workspace.files(stack);
  const path = invocation.values.get('--file');
  if (path === undefined) throw new EngineError('refused', 'expected stack import --file FILE');
  return underLock(files, async () => {
    const passphrase = await workspace.passphrase();
    const current = await openStackFile(files, passphrase);
    const deployment = parseDeployment(await readFile(path, 'utf8'), stack, workspace.project);
    const codec = new Codec(passphrase, deployment.secrets_providers ?? current.codec.providers);
    const resources: State[] = [];
    for (const resource of deployment.resources ?? []) resources.push(await codec.open(resource));
    if (codec.lacksKey(resources)) await codec.derive();
    const text = checkpointText(`organization/${workspace.project}/${stack}`, resources, [], codec);
    await writeDurably(files.state, text, { keepPrevious: files.previous });
    onCheckpoint?.(text);
    const dropped = (deployment.pending_operations ?? []).map(
      ({ resource, type }) => `warning: removing pending operation '${type}' on '${resource.urn}' from the state\n`,
    );
    return { stdout: 'Import complete.\n', stderr: dropped.join('') };
  });
}
