import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { portOf, TunnelDestination } from '../../executor/protocol/index.ts';
import type { Sandbox } from '../../infra/driver.ts';
import { RequestError } from '../errors.ts';
import type { Session } from '../relay/index.ts';
import type { LiveRun } from './live.ts';
import type { Deps } from './step.ts';

/** What of a run a door needs. */
export type DoorRun = Pick<LiveRun, 'runId' | 'session' | 'tunnels' | 'tunnelDoors'> & {
  readonly sandbox: { readonly streams: Pick<Sandbox['streams'], 'console'> } | undefined;
};
type DoorDeps = { readonly journal: Pick<Deps['journal'], 'recordId'> };

/** Where a program of this user reaches a destination inside the sandbox, while the run executes. */
export interface TunnelDoor {
  readonly destination: string;
  /** A unix socket of mode 0600 in a folder of mode 0700. */
  readonly socket: string;
}

/**
 * Opens the door to one destination of a run, or says where it is. Each connection to its socket is one through the relay's own connection; nobody
 * gets that one, nor a socket of it. The socket is in the manifest of ids before it is there; it goes with the session, and the burn proves it gone.
 * A door that could not be opened is tried again by the next who asks. Rejects with RequestError, or with what the journal or the socket said.
 */
export async function openTunnelDoor(
  live: DoorRun,
  deps: DoorDeps,
  destination: string,
  openedBy: string,
): Promise<TunnelDoor> {
  const { session, sandbox } = live;
  if (session === undefined || sandbox === undefined) throw notExecuting(live.runId);
  const offered = live.tunnels;
  if (!TunnelDestination.safeParse(destination).success || !offered.includes(destination)) {
    throw new RequestError('refused_by_policy', {
      expected: offered.length === 0 ? 'a profile that lists tunnels' : `one of ${offered.join(', ')}`,
      got: destination,
      hint: 'the profile of the run says where tunnels may lead (policies/profiles.json)',
    });
  }
  const socket = join(dirname(sandbox.streams.console), `tunnel-${portOf(destination)}.sock`);
  const opening =
    live.tunnelDoors.get(destination) ?? listen(live.runId, session, deps, { destination, socket, openedBy });
  live.tunnelDoors.set(destination, opening);
  try {
    await opening;
  } catch (error) {
    if (live.tunnelDoors.get(destination) === opening) live.tunnelDoors.delete(destination);
    throw error;
  }
  return { destination, socket };
}

interface Order extends TunnelDoor {
  readonly openedBy: string;
}

async function listen(runId: string, session: Session, deps: DoorDeps, order: Order): Promise<void> {
  const { destination, socket: path, openedBy } = order;
  await deps.journal.recordId(runId, { kind: 'socket', id: path, detail: {} });
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    void carry(session, socket, destination, openedBy);
  });
  await bind(server, path);
  await chmod(path, 0o600);
  void session.ended.then(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await rm(path, { force: true });
  });
}

/** How it ended is told by its end alone, and in the transcript. Each direction ends on its own. */
async function carry(session: Session, socket: Socket, destination: string, openedBy: string): Promise<void> {
  socket.on('error', () => undefined);
  try {
    const stream = await session.tunnel(destination, openedBy);
    await pipeline(socket, stream, socket);
  } catch {
    socket.destroy();
  }
}

/** The folder's mode keeps others out until the socket's own is set. */
function bind(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen(path, () => {
    resolve(undefined);
  });
  return promise;
}

function notExecuting(runId: string): RequestError {
  return new RequestError('not_running', {
    expected: `run ${runId} to be executing`,
    got: 'one that has no session now',
    hint: 'tunnels are there while actions run: try again a moment later, or ask sooner',
  });
}
