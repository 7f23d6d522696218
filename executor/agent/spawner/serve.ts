import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { argvOf } from '../argv.ts';
import { CATALOGUE, programOf } from '../catalogue.ts';
import { ActionFailure, failureOf } from '../failure.ts';
import type { Guest } from '../guest.ts';
import { readAuditStatus } from './audit-status.ts';
import { limitsOf } from './cgroup.ts';
import { closeInherited } from './close-inherited.ts';
import { watchLogins } from './end-logins.ts';
import { receiveRequest } from './receive.ts';
import { encodeFrame } from './frames.ts';
import { makeFifo } from './pipe.ts';
import type { SpawnRequest } from './request.ts';
import { restartService } from './restart.ts';
import { checkScript, openUpload } from './script.ts';
import { FIFOS, runConfined, type Confined, type Emit } from './run.ts';

/**
 * The root half of the executor, as in sshd's privilege separation: it waits on a unix socket that only agent-runner can open, and does one
 * thing of a closed list (request.ts), for one client at a time. It reads no request and no grant, and of a certificate only when it ends
 * (end-logins.ts); the other half does not get root. Resolves when it listens.
 */
export async function serveSpawner(guest: Guest, confined: Confined = confinedByCatalogue()): Promise<Server> {
  closeInherited();
  mkdirSync(guest.spawnerFolder, { recursive: true, mode: 0o700 });
  for (const name of Object.values(FIFOS)) makeFifo(join(guest.spawnerFolder, name), guest.scriptUser);
  const watch = watchLogins(guest);
  let isBusy = false;
  const server = createServer((socket) => {
    if (isBusy) {
      refuseSecond(socket);
      return;
    }
    isBusy = true;
    // A client has its answer before the next may come; an error here is never the client's doing.
    serveClient(socket, confined, guest)
      .catch(fail)
      .finally(() => {
        isBusy = false;
      });
  });
  server.once('close', () => {
    clearInterval(watch);
  });
  await listen(server, guest);
  return server;
}

/** What the catalogue says of scripts, as the kernel takes it. */
export function confinedByCatalogue(): Confined {
  const { scripts } = CATALOGUE;
  const environment = Object.fromEntries(scripts.environment.map(({ name, value }) => [name, value]));
  return { limits: limitsOf(scripts), environment };
}

async function serveClient(socket: Socket, confined: Confined, guest: Guest): Promise<void> {
  const gone = new AbortController();
  socket.on('error', () => {
    gone.abort();
  });
  socket.on('close', () => {
    gone.abort();
  });
  const emit: Emit = (kind, payload) => send(socket, encodeFrame(kind, payload));
  try {
    const request = await receiveRequest(socket, gone);
    const result = await carryOut(request, confined, guest, emit, gone.signal);
    await emit('ended', Buffer.from(JSON.stringify(result)));
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code === 'INTERNAL') console.error(error);
    await emit('failed', Buffer.from(JSON.stringify(failure)));
  }
  socket.end();
  socket.destroySoon();
}

async function carryOut(
  request: SpawnRequest,
  confined: Confined,
  guest: Guest,
  emit: Emit,
  unwanted: AbortSignal,
): Promise<object> {
  const runProgram = (action: 'run_script' | 'run_migration', timeoutMs: number): Promise<object> =>
    runConfined({ argv: argvOf(programOf(action), request), timeoutMs }, confined, guest, emit, unwanted);
  switch (request.do) {
    case 'run_script':
      checkScript(guest.root, request.sha256);
      return runProgram(request.do, request.timeout_ms);
    case 'run_migration':
      for (const sha256 of [request.database_sha256, request.migration_sha256])
        openUpload(guest.root, sha256)[Symbol.dispose]();
      return runProgram(request.do, request.timeout_ms);
    case 'restart_service':
      return restartService(request.unit);
    case 'audit_status':
      return readAuditStatus();
  }
}

/** The client takes everything at once; one that does not is stuck, and must not hold the place of the next. */
const TAKE_TIMEOUT_MS = 30_000;

/** Resolves when the bytes are taken, or when there is nobody left to take them. */
async function send(socket: Socket, bytes: Buffer): Promise<void> {
  if (!socket.writable || socket.write(bytes)) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const done = (): void => {
    resolve(undefined);
  };
  const timer = setTimeout(() => {
    socket.destroy();
  }, TAKE_TIMEOUT_MS);
  socket.on('drain', done).on('close', done);
  await promise;
  socket.off('drain', done).off('close', done);
  clearTimeout(timer);
}

function refuseSecond(socket: Socket): void {
  const hint = 'one thing at a time: wait for the answer';
  const failure = failureOf(new ActionFailure('SPAWNER_BUSY', { expected: 'one client', got: 'a second one', hint }));
  socket.on('error', () => undefined);
  socket.end(encodeFrame('failed', Buffer.from(JSON.stringify(failure))));
}

/** The socket's mode is its access list: root and agent-runner, from the moment it exists. */
async function listen(server: Server, { spawnerSocket, agentUser }: Guest): Promise<void> {
  rmSync(spawnerSocket, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  const umask = process.umask(0o777);
  server.listen(spawnerSocket, () => {
    resolve(undefined);
  });
  process.umask(umask);
  await promise;
  chownSync(spawnerSocket, 0, agentUser);
  chmodSync(spawnerSocket, 0o660);
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}
