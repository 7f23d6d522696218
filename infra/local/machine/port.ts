import { createServer } from 'node:net';

/** A port of the loopback interface that nobody listens on now. Somebody may take it before QEMU does; then QEMU says so and another is chosen. */
export async function choosePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('a listening socket without an address'));
      });
    });
  });
}

/** The only address a sandbox is ever forwarded to. */
export const LOOPBACK = '127.0.0.1';
