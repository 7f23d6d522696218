import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Wire } from './wire.ts';

/** Longest path of a unix socket (unix(7)), without the zero at its end. */
export const PATH_MAX_BYTES = 107;

/**
 * Opens the door to a wire: each connection to the unix socket at `path` is one to the guest's sshd. For this user only: it is in a folder of
 * mode 0700, and its own mode says so once more. The door goes when the wire is cut, which the end of the machine does.
 */
export async function openDoor(wire: Wire, path: string): Promise<void> {
  const sockets = new Set<Socket>();
  // Both directions end on their own: "no more input" must reach the executor while its last answers come back.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    void carry(wire, socket).finally(() => sockets.delete(socket));
  });
  await listen(server, path);
  server.unref();
  void wire.ended.then(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await chmod(path, 0o600).catch((error: unknown) => {
    // A machine that died this very moment has taken its door along; whoever waits for it says why.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
}

/** How a connection ended is told by its end alone: whoever is at the socket speaks SSH and hears it there. */
async function carry(wire: Wire, socket: Socket): Promise<void> {
  const connection = wire.connect();
  await pipeline(socket, connection, socket).catch(() => undefined);
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
