import { createServer } from 'node:net';
import { findListener } from '../listeners.ts';
import { optionOf } from '../processes.ts';
import { found, type LookAt } from '../../host/looks/found.ts';

/** A port is ours while the process that listens on it carries the run's label; somebody else may have it since. */
export const lookAtListener: LookAt = async ({ detail }) => {
  const listener = await findListener(Number(detail['port']));
  if (listener === undefined) return found(false, 'no listener in /proc/net/tcp');
  const ours = optionOf(listener.argv, '-name') === detail['label'];
  return found(
    ours,
    `listener in /proc/net/tcp is process ${listener.pid}, ${ours ? 'this machine' : 'not this machine'}`,
  );
};

/** Takes the port for a moment: the kernel gives it only where nobody has it. Whoever has it is then looked at. */
export const tryToBind: LookAt = async (id, owner) => {
  const isTaken = await bind(Number(id.detail['port']));
  if (!isTaken) return found(false, 'the kernel gave the port to us');
  const { state, means } = await lookAtListener(id, owner);
  return { state, means: `the kernel did not give it to us: ${means}` };
};

function bind(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true);
      else reject(error);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(false);
      });
    });
  });
}
