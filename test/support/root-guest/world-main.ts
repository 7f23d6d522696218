import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/* The inside of a world (world.ts): addresses of its own, and somebody who answers at each. Arguments: the address of the host's resolver. */

const resolver = process.argv[2] ?? '127.0.0.53';
const ADDRESSES = ['169.254.169.254', '198.51.100.7', resolver].filter((address) => !address.startsWith('127.'));

const ip = (...args: readonly string[]) => execFileSync('ip', args, { timeout: 5_000 });
ip('link', 'set', 'lo', 'up');
for (const address of ADDRESSES) ip('address', 'add', `${address}/32`, 'dev', 'lo');

for (const [host, port] of [
  ['127.0.0.1', 8080],
  ['169.254.169.254', 80],
  ['198.51.100.7', 80],
] as const)
  await once(
    createServer((socket) => socket.on('error', () => undefined).end('here\n')).listen(port, host),
    'listening',
  );

for (const [host, port] of [
  ['127.0.0.1', 9000],
  [resolver, 53],
] as const) {
  const socket = createSocket('udp4', (message, from) => {
    socket.send(message, from.port, from.address);
  });
  socket.bind(port, host);
  await once(socket, 'listening');
}
process.stdout.write('ready\n');
