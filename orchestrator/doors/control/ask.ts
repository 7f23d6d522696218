import { closeSync, constants, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Explained } from '../../errors.ts';
import type { ObserveRun } from '../../run/progress.ts';
import { CONTROL_SOCKET, Reply, type Request, STOP } from './wire.ts';

/** An owner says at once that it was asked; one that is asleep, or hangs, does not. */
const ACCEPT_DEADLINE_MS = 10_000;
/** Cancelling waits for the burn; everything else but a run is answered at once. */
const ANSWER_DEADLINE_MS = 10 * 60_000;

/**
 * What the owner of the data directory answers: `leaving` when it conducts what it has and nothing new; undefined when nobody does, or not to
 * the end: it may have died over it. Throws what the owner's operation threw.
 */
export async function askOwner(
  home: string,
  request: Request,
  { observe, signal, withinMs = ANSWER_DEADLINE_MS }: Asking,
): Promise<{ readonly ok: unknown } | 'leaving' | undefined> {
  const folder = openSync(home, constants.O_RDONLY | constants.O_DIRECTORY);
  const socket = connect(`/proc/self/fd/${folder}/${CONTROL_SOCKET}`);
  const stop = (): void => void socket.write(`${STOP}\n`);
  try {
    await connected(socket);
    socket.write(`${JSON.stringify(request)}\n`);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    socket.setTimeout(Math.min(ACCEPT_DEADLINE_MS, withinMs), () => socket.destroy());
    for await (const line of createInterface({ input: socket })) {
      const reply = Reply.parse(JSON.parse(line));
      socket.setTimeout(withinMs);
      if ('ok' in reply) return reply;
      if ('leaving' in reply) return 'leaving';
      if ('error' in reply) throw new OwnerError(reply.error);
      if ('event' in reply) observe(reply.event);
    }
    return undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && IS_GONE.has(error.code)) return undefined;
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
    closeSync(folder);
  }
}

export interface Asking {
  readonly observe: ObserveRun;
  /** Aborts when the caller wants to stop; the owner then stops the run, and answers when it is burned. */
  readonly signal: AbortSignal;
  /** The longest silence; 0 for none that is too long. */
  readonly withinMs?: number;
}

const IS_GONE: ReadonlySet<unknown> = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

/** An error of the process that owns the data directory, as it explained it. */
class OwnerError extends Error implements Explained {
  override readonly name = 'OwnerError';
  readonly code: string;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;

  constructor(said: Explained) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`);
    ({ code: this.code, expected: this.expected, got: this.got, hint: this.hint } = said);
  }
}

function connected(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  socket.once('connect', () => {
    resolve(undefined);
  });
  socket.once('error', reject);
  return promise;
}
