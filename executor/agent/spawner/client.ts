import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../protocol/error.ts';
import { ActionFailure, errnoOf } from '../failure.ts';
import type { Guest } from '../guest.ts';
import { AuditStatus } from './audit-status.ts';
import { Restarted } from './restart.ts';
import { readFrames } from './frames.ts';
import { Outcome, Started } from './outcome.ts';
import type { ProgramRequest, SpawnRequest } from './request.ts';

const RETRY_MS = 25;

/** Takes what a script says while it runs. */
export interface Listener {
  started(pid: number): void;
  output(stream: 'stdout' | 'stderr', chunk: Buffer): void;
}

/**
 * Has the root half run one program of the catalogue. Closing the connection is how it is told to stop: `signal` does that.
 * Throws ActionFailure, the signal's when that was the reason.
 */
export async function spawnProgram(
  request: ProgramRequest,
  guest: Guest,
  listener: Listener,
  signal: AbortSignal,
): Promise<Outcome> {
  return Outcome.parse(await ask(request, guest, listener, signal));
}

/** Has the root half ask the kernel for the state of its audit. Throws ActionFailure. */
export async function askAuditStatus(guest: Guest, signal: AbortSignal): Promise<AuditStatus> {
  return AuditStatus.parse(await ask({ do: 'audit_status' }, guest, NOBODY, signal));
}

/** Has the root half restart a service of the catalogue. Throws ActionFailure. */
export async function askRestart(unit: string, guest: Guest, signal: AbortSignal): Promise<Restarted> {
  return Restarted.parse(await ask({ do: 'restart_service', unit }, guest, NOBODY, signal));
}

const NOBODY: Listener = { started: () => undefined, output: () => undefined };

async function ask(request: SpawnRequest, guest: Guest, listener: Listener, signal: AbortSignal): Promise<unknown> {
  const socket = await connectWhenReady(guest, signal);
  const stop = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    return await receive(socket, listener);
  } catch (cause) {
    if (cause instanceof ActionFailure) throw cause;
    signal.throwIfAborted();
    throw lost(cause);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

async function receive(socket: Socket, listener: Listener): Promise<unknown> {
  for await (const { kind, payload } of readFrames(socket)) {
    switch (kind) {
      case 'started':
        listener.started(Started.parse(JSON.parse(payload.toString())).pid);
        break;
      case 'stdout':
      case 'stderr':
        listener.output(kind, payload);
        break;
      case 'ended':
        return JSON.parse(payload.toString());
      case 'failed': {
        const { code, ...said } = Failure.parse(JSON.parse(payload.toString()));
        throw new ActionFailure(code, said);
      }
    }
  }
  throw new Error('expected a frame that ends it, got the end of the connection');
}

async function connectWhenReady({ spawnerSocket, spawnerStartMs }: Guest, signal: AbortSignal): Promise<Socket> {
  const deadline = performance.now() + spawnerStartMs;
  for (;;) {
    signal.throwIfAborted();
    const socket = connect(spawnerSocket);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (cause) {
      socket.destroy();
      const errno = errnoOf(cause) ?? '';
      const mayCome = errno === 'ENOENT' || errno === 'ECONNREFUSED' || errno === 'EACCES';
      if (!mayCome || performance.now() > deadline) throw lost(cause);
    }
    await sleep(RETRY_MS);
  }
}

function lost(cause: unknown): ActionFailure {
  const got = errnoOf(cause) ?? 'a broken connection';
  const said = { expected: "the executor's root half to answer", got, hint: 'it is started by init; see the console' };
  return new ActionFailure('SPAWNER_UNAVAILABLE', said, { cause });
}
