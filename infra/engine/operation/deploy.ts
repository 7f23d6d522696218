import { status } from '@grpc/grpc-js';
import { executeDeletes } from '../steps/deletes.ts';
import { messageOf } from '../errors.ts';
import { withTimeout } from '../protocol/deadline.ts';
import type { ProgramEnd } from '../program/language.ts';
import { startProgram } from '../program/language.ts';
import { monitorHandlers } from '../program/monitor.ts';
import { resourceRpc } from '../protocol/messages.ts';
import { Registrar } from '../program/registrar.ts';
import { RpcFailure, serve } from '../protocol/rpc.ts';
import type { Run } from '../run/run.ts';

/**
 * How long a program may go on once the operation has failed. All its calls have been answered by then: it ends at once, or it
 * waits for ever for a resource that will never be.
 */
const SETTLE_MS = 200;

/**
 * Runs the program and brings about what it registers. The program is done when it says that it registers nothing more, when
 * it returns, or when something failed; deletes come after, and only then is it let go. Whether all went well is decided
 * here: a program can end well although its resources failed, and badly after everything is done.
 */
export async function deployProgram(run: Run, languageAddress: string, engineAddress: string): Promise<void> {
  const registrar = new Registrar(run);
  const signal = Promise.withResolvers<undefined>();
  const finished = Promise.withResolvers<undefined>();
  const monitor = await serve([
    [
      resourceRpc.ResourceMonitorService,
      monitorHandlers(run, registrar, {
        signalled: async () => {
          signal.resolve(undefined);
          await finished.promise;
          if (run.stopped.aborted)
            throw new RpcFailure(status.UNAVAILABLE, 'the operation has failed or was cancelled');
        },
      }),
    ],
  ]);
  const program = startProgram(languageAddress, run, { engine: engineAddress, monitor: monitor.address });
  try {
    const judged = program.ended.then((end) => {
      judge(run, end);
    });
    await Promise.race([signal.promise, judged, aborted(run.stopped)]);
    await run.idle();
    if (!run.stopped.aborted) await executeDeletes(run);
    await run.idle();
    finished.resolve(undefined);
    await letGo(run, judged);
    registrar.applyRootOutputs();
  } catch (error) {
    run.reporter.diagnostic('error', messageOf(error));
    run.halt();
  } finally {
    finished.resolve(undefined);
    program.abandon();
    monitor.close();
    await withTimeout(program.ended, SETTLE_MS);
  }
}

/** A program that failed ends the operation: nothing is deleted because it did not come to register it. */
function judge(run: Run, end: ProgramEnd): void {
  if (end.error === undefined) return;
  if (!run.stopped.aborted)
    run.reporter.diagnostic(
      'error',
      `an unhandled error occurred: ${end.error === '' ? 'the program failed' : end.error}`,
    );
  run.halt();
}

/** Waits for the program's end: as long as it takes after success, a bounded time after failure. */
async function letGo(run: Run, judged: Promise<void>): Promise<void> {
  if (run.stopped.aborted) await withTimeout(judged, SETTLE_MS);
  else await Promise.race([judged, aborted(run.stopped).then(() => withTimeout(judged, SETTLE_MS))]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
}
