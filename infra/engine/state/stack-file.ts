import type { z } from 'zod';
import type { PendingOperation } from './codec.ts';
import { Codec } from './codec.ts';
import { EngineError, refuse } from '../errors.ts';
import { readIfPresent } from '../backend/files.ts';
import { refuseForeignLayout } from '../backend/foreign.ts';
import type { StackFiles } from '../backend/layout.ts';
import { integrityViolations } from './integrity.ts';
import type { CheckpointFile, Deployment, State } from './schema.ts';
import { checkpointSchema, unsupportedFields } from './schema.ts';

/** A stack's state, opened. */
export interface OpenedStack {
  readonly resources: readonly State[];
  readonly pending: readonly PendingOperation[];
  readonly codec: Codec;
  readonly deployment: Deployment | undefined;
}

/** Reads and checks a stack's state file. `stack_not_found` if there is none, `bad_state` if it is broken. */
export async function openStackFile(
  files: StackFiles,
  passphrase: string | undefined,
  settingsSalt?: string,
): Promise<OpenedStack> {
  const { checkpoint } = await readStackFile(files);
  const deployment = checkpoint.latest;
  const fallback = settingsSalt === undefined ? undefined : { type: 'passphrase', state: { salt: settingsSalt } };
  const codec = new Codec(passphrase, deployment?.secrets_providers ?? fallback);
  if (deployment !== undefined) refuseUnsound(deployment, files.state);
  const resources: State[] = [];
  for (const resource of deployment?.resources ?? []) resources.push(await codec.open(resource));
  const pending: PendingOperation[] = [];
  for (const { type, resource } of deployment?.pending_operations ?? [])
    pending.push({ type, resource: await codec.open(resource) });
  return { resources, pending, codec, deployment };
}

/** The file as it stands, its shape checked but its secrets closed. */
export async function readStackFile(files: StackFiles): Promise<CheckpointFile> {
  const text = await readIfPresent(files.state);
  if (text !== undefined) return parseCheckpoint(text, files.state);
  await refuseForeignLayout(files.root, files.project, files.stack);
  throw new EngineError('stack_not_found', `error: no stack named '${files.stack}' found`);
}

/** Parses the text of a state file; unknown fields are refused, because to drop them would lose what they say. */
export function parseCheckpoint(text: string, where: string): CheckpointFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new EngineError('bad_state', `error: ${where} is no JSON: snapshot integrity failure; refusing to use it`, {
      cause: error,
    });
  }
  refuseVersion(value);
  const parsed = checkpointSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new EngineError(
    'bad_state',
    `error: ${where}: ${issueText(parsed.error)}; snapshot integrity failure; refusing to use it`,
  );
}

/** Version 4 says which features a state uses; none of them is ours. */
function refuseVersion(value: unknown): void {
  if (typeof value === 'object' && value !== null && 'version' in value && value.version === 4)
    refuse('a state file of version 4');
}

function refuseUnsound(deployment: Deployment, path: string): void {
  const violations = integrityViolations(deployment);
  if (violations.length > 0) {
    throw new EngineError(
      'bad_state',
      `error: ${path}: snapshot integrity failure; refusing to use it: ${violations.join('; ')}`,
    );
  }
  refuseUnsupported(deployment);
}

/** Refuses a state whose resources use features that only the cli engine understands. */
export function refuseUnsupported(deployment: Deployment): void {
  for (const resource of deployment.resources ?? []) {
    const fields = unsupportedFields(resource);
    if (fields.length > 0) {
      throw new EngineError(
        'refused',
        `embedded engine: ${resource.urn} uses ${fields.join(', ')}, which only the cli engine understands`,
      );
    }
  }
}

function issueText(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
}
