import { conclude, fileHistory, keepSalt } from './conclusion.ts';
import { deployProgram } from './deploy.ts';
import { destroyAll } from './destroy.ts';
import { EngineError, messageOf, refuse } from '../errors.ts';
import { withTimeout } from '../protocol/deadline.ts';
import { acquireLock } from '../backend/lock.ts';
import type { Opened, OperationRequest } from './open.ts';
import { openOperation } from './open.ts';
import { recoverPending } from './recover.ts';
import { refresh } from './refresh.ts';
import type { Run } from '../run/run.ts';
import { enter } from '../run/underway.ts';

/** How long, after a termination, what was under way may take to notice that nobody waits for it. */
const TERMINATED_MS = 2_000;

/** Carries out one operation under the stack's lock; previews take none and write nothing. Throws EngineError unless all went well. */
export async function carryOut(request: OperationRequest): Promise<void> {
  const { invocation, workspace, stack } = request;
  const preview = invocation.command === 'preview' || invocation.switches.has('--preview-only');
  if (request.cancel.aborted) throw new EngineError('cancelled', 'error: update canceled');
  if (preview) {
    await operate(request, preview, []);
    return;
  }
  const files = workspace.files(stack);
  const lock = await acquireLock(files);
  const { cancel, terminate, leave } = enter(files.state);
  try {
    const ends = {
      cancel: AbortSignal.any([request.cancel, cancel]),
      terminate: AbortSignal.any([request.terminate, terminate]),
    };
    await operate({ ...request, ...ends }, preview, lock.takenOver);
  } finally {
    await lock.release();
    leave();
  }
}

/** Performs, unless it is terminated first: then the state file is left as it is, its pending operations in it. */
async function operate(request: OperationRequest, preview: boolean, warnings: readonly string[]): Promise<void> {
  const opened = await openOperation(request, preview, warnings);
  const { promise: terminated, resolve } = Promise.withResolvers<'terminated'>();
  const terminate = (): void => {
    opened.run.checkpoint.freeze();
    opened.run.halt();
    resolve('terminated');
  };
  request.terminate.addEventListener('abort', terminate, { once: true });
  if (request.terminate.aborted) terminate();
  const work = perform(opened).finally(() => {
    request.terminate.removeEventListener('abort', terminate);
  });
  if ((await Promise.race([work, terminated])) !== 'terminated') return;
  opened.disconnect();
  await withTimeout(
    work.catch(() => undefined),
    TERMINATED_MS,
  );
  await opened.run.checkpoint.settled();
  opened.run.reporter.summary('canceled');
  await opened.close();
  throw new EngineError('terminated', 'error: update terminated; what was under way stays on record as pending');
}

/** The body of an operation: deploy, write down, tell how it ended, file it. */
async function perform(opened: Opened): Promise<void> {
  const { request, run } = opened;
  const endCancelling = cancelOn(request.cancel, run);
  await guarded(run, () => deploy(opened));
  await run.idle();
  await guarded(run, () => run.checkpoint.flush());
  await endCancelling();
  if (request.terminate.aborted) return;
  const failure = conclude(opened);
  await opened.close();
  if (!opened.preview) await fileHistory(opened);
  if (!opened.preview) await keepSalt(opened);
  if (failure !== undefined) throw failure;
}

async function guarded(run: Run, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    run.reporter.diagnostic('error', messageOf(error));
    run.halt();
  }
}

async function deploy(opened: Opened): Promise<void> {
  const { request, run, kind, preview } = opened;
  const { switches, values } = request.invocation;
  if (!preview && kind !== 'destroy') await recoverPending(run);
  if (switches.has('--clear-pending-creates')) run.checkpoint.resolvePending(() => true);
  if (kind === 'refresh' || switches.has('--refresh')) await refresh(run, { counted: kind === 'refresh' });
  if (kind === 'refresh' || run.stopped.aborted) return;
  if (kind === 'destroy') {
    await destroyAll(run);
    return;
  }
  const client = values.get('--client') ?? refuse('a program outside this process (no --client)');
  await deployProgram(run, client, opened.engineAddress);
}

/** On cancel: nothing new starts and every provider is told once; what runs may still finish. */
function cancelOn(signal: AbortSignal, run: Run): () => Promise<void> {
  let told: Promise<void> = Promise.resolve();
  const onAbort = (): void => {
    run.reporter.line('cancelling: waiting for what runs, starting nothing new');
    run.halt();
    told = run.providers.cancel();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    signal.removeEventListener('abort', onAbort);
    return told;
  };
}
