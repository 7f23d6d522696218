import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { RequestError } from '../../../errors.ts';
import { callOperation } from '../door.ts';
import type { AddCommand } from './command.ts';

/** How often it is looked whether the tunnel is still there. */
const LOOK_MS = 500;

export const tunnel: AddCommand = (program, door) => {
  program
    .command('tunnel')
    .description(
      'reach a destination inside the sandbox of a run that is executing, by a unix socket or a loopback port (docs/tunnels.md)',
    )
    .argument('<run>', 'run id, or the first digits of it')
    .argument('<destination>', 'as the run’s profile lists it: 127.0.0.1:PORT')
    .option(
      '--port <number>',
      'listen on this port of 127.0.0.1 too, for every user of this host, until Ctrl-C or the end of the run',
      portNumber,
    )
    .action(async (run: string, destination: string, { port }: { port?: number }) => {
      const watch = { ...door.console, signal: new AbortController().signal };
      const result = await callOperation('tunnel', { run, destination }, door.environment, watch);
      const listening = port === undefined ? undefined : await listen(port, result.socket);
      door.console.print(result, () => [
        `tunnel to ${result.destination} in run ${result.run_id}: ${result.socket}`,
        ...(port === undefined
          ? []
          : [`and 127.0.0.1:${port}, for every user of this host, until Ctrl-C or the end of the run`]),
      ]);
      if (listening !== undefined) await serve(listening, result.socket);
    });
};

function portNumber(text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text) || Number(text) > 0xffff) throw new InvalidArgumentError('expected a port');
  return Number(text);
}

async function listen(port: number, path: string): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)));
    join(socket, connect({ path, allowHalfOpen: true }));
  });
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return { server, sockets };
  } catch (cause) {
    throw new RequestError('bad_argument', {
      expected: `port ${port} of 127.0.0.1 to be free`,
      got: (cause as NodeJS.ErrnoException).code ?? String(cause),
      hint: 'choose another port, or use the unix socket',
    });
  }
}

interface Listening {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
}

function join(socket: Socket, other: Socket): void {
  for (const one of [socket, other]) {
    one
      .on('error', () => undefined)
      .on('close', () => {
        for (const each of [socket, other]) each.destroy();
      });
  }
  socket.pipe(other).pipe(socket);
}

/** Until Ctrl-C, or until the tunnel is gone with its run. */
async function serve({ server, sockets }: Listening, path: string): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort();
  };
  for (const signal of SIGNALS) process.once(signal, onSignal);
  while (!stop.signal.aborted && (await isThere(path)))
    await sleep(LOOK_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  for (const signal of SIGNALS) process.off(signal, onSignal);
  server.close();
  for (const socket of sockets) socket.destroy();
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
