import { EngineError } from '../errors.ts';
import { writeHistory } from '../backend/history.ts';
import type { Opened } from './open.ts';

/** Says how it ended: the last diagnostic and the last two events. Returns the error to throw, if any. */
export function conclude(opened: Opened): EngineError | undefined {
  const { request, run, kind, preview } = opened;
  const { reporter } = run;
  const word = preview ? 'preview' : 'update';
  const changed = Object.keys(reporter.changes).some((op) => op !== 'same' && op !== 'read');
  const unexpected =
    changed && request.invocation.switches.has('--expect-no-changes')
      ? `no changes were expected for ${kind} but changes were proposed`
      : undefined;
  if (run.verdict === 'succeeded' && unexpected === undefined) {
    reporter.summary('succeeded');
    return undefined;
  }
  const isCancelled = request.cancel.aborted;
  const errors = reporter.errors.map((text) => `error: ${text}\n`).join('');
  const last = unexpected ?? `${word} ${isCancelled ? 'canceled' : 'failed'}`;
  reporter.diagnostic('error', last);
  reporter.summary('failed');
  return new EngineError(isCancelled ? 'cancelled' : 'operation_failed', `${errors}error: ${last}`);
}

/** Keeps the salt of the state's secrets in the stack settings, where the real CLI looks for it; the SDK writes them anew without it. */
export async function keepSalt({ request, settings, codec }: Opened): Promise<void> {
  const salt = codec.providers?.state?.salt;
  if (salt === undefined || salt === settings.encryptionsalt) return;
  await request.workspace.saveSettings(request.stack, { ...settings, encryptionsalt: salt });
}

/** Writes the history entry. Its failure does not hide the operation's own. */
export async function fileHistory(opened: Opened): Promise<void> {
  const { request, run, settings, kind, started } = opened;
  const { workspace, invocation, stack } = request;
  const environment: Record<string, string> = { 'exec.kind': invocation.values.get('--exec-kind') ?? '' };
  const agent = invocation.values.get('--exec-agent');
  if (agent !== undefined) environment['exec.agent'] = agent;
  const entry = {
    kind,
    startTime: started,
    endTime: Math.floor(Date.now() / 1000),
    message: invocation.values.get('--message') ?? '',
    environment,
    config: settings.config ?? {},
    version: 0,
    result: run.verdict,
    resourceChanges: { ...run.reporter.changes },
  };
  const backup = !isTrue(workspace.variable('PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS'));
  try {
    await writeHistory(workspace.files(stack), stack, entry, { backup });
  } catch (error) {
    if (run.verdict === 'succeeded') throw error;
  }
}

/** How Pulumi reads a boolean variable. */
function isTrue(value: string | undefined): boolean {
  return value === '1' || value?.toLowerCase() === 'true';
}
