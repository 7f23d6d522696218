import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestHome } from './home.ts';

/*
 * A host that lacks something, for one command: namespaces of its own (namespaces(7)) in which programs are hidden, folders lie on a disk that
 * is full, or no port is free. Nothing of it is seen outside, and it ends with the command.
 */

/** As root the namespaces asked for; as anybody else a user namespace around them, where the kernel allows it. */
function unshare(...namespaces: string[]): [string, ...string[]] {
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return ['unshare', ...asRoot, ...namespaces, '--'];
}

/** Whether this host lets us make such namespaces. */
export function canHaveNamespaces(): boolean {
  const [program, ...args] = unshare('--mount', '--net');
  const mount = ['mount', '-t', 'tmpfs', 'tmpfs', '/mnt'];
  return spawnSync(program, [...args, ...mount], { timeout: 10_000, stdio: 'ignore' }).status === 0;
}

/** Starts a command where the programs in `hide` cannot be executed, and the folders in `full` of the data directory have so little room. */
export async function withMounts(
  place: TestHome,
  { hide = [], full = [], mebibytes = 0 }: { hide?: readonly string[]; full?: readonly string[]; mebibytes?: number },
): Promise<string[]> {
  const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const hidden = hide.flatMap((name) => folders.map((folder) => join(folder, name)));
  const lines = [
    ...hidden.map((path) => `[ ! -e ${path} ] || mount --bind /dev/null ${path}`),
    ...full.map((name) => `mkdir -p '${join(place.home, name)}'`),
    ...full.map((name) => `mount -t tmpfs -o mode=700,size=${mebibytes}m tmpfs '${join(place.home, name)}'`),
  ];
  const script = await place.write('deprive.sh', ['#!/bin/sh', 'set -e', ...lines, 'exec "$@"', ''].join('\n'));
  return [...unshare('--mount'), script];
}

/** Starts a command where every port the kernel may choose is taken already. */
export async function withFullPorts(place: TestHome): Promise<string[]> {
  const [first, last] = [40_000, 40_003];
  const occupy = await place.write(
    'occupy.mjs',
    `import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
for (let port = ${first}; port <= ${last}; port += 1) await new Promise((done) => createServer().listen(port, '127.0.0.1', done));
const [program, ...args] = process.argv.slice(2);
spawn(program, args, { stdio: 'inherit' }).on('close', (code) => process.exit(code ?? 1));
`,
  );
  const lines = ['ip link set lo up', `echo ${first} ${last} >/proc/sys/net/ipv4/ip_local_port_range`];
  const script = await place.write('no-ports.sh', ['#!/bin/sh', 'set -e', ...lines, 'exec "$@"', ''].join('\n'));
  return [...unshare('--net'), script, process.execPath, occupy];
}
