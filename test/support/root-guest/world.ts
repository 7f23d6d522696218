import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespaces } from '../../../infra/local/machine/namespaces.ts';
import { findProgram } from '../../../infra/local/programs.ts';

/**
 * A network namespace with everything in it that a guest must not reach: services on loopback, a metadata address, a resolver, an address
 * outside. A machine put into it shows what QEMU's user network reaches when nobody shuts it, without touching this host's network.
 */
export interface World extends AsyncDisposable {
  /** Puts a process into it. */
  readonly namespaces: Namespaces;
}

/** Makes one. Somebody answers at 127.0.0.1:8080 and :9000/udp, 169.254.169.254:80, 198.51.100.7:80 and at the resolver's port 53/udp. */
export async function openWorld(): Promise<World> {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const words = [
    ...user,
    '--net',
    '--',
    process.execPath,
    join(import.meta.dirname, 'world-main.ts'),
    await hostResolver(),
  ];
  const child = spawn(await findProgram('unshare'), words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ready = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (!Buffer.isBuffer(ready[0])) throw new Error('expected a world, got none; are iproute2 and namespaces there?');
  const enter = ['/usr/bin/nsenter', `--target=${child.pid ?? 0}`, '--net'];
  return {
    namespaces: {
      network: 'host',
      words: [...enter, ...(user.length === 0 ? [] : ['--user', '--preserve-credentials']), '--'],
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** QEMU's resolver passes questions on to the host's. */
async function hostResolver(): Promise<string> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  return /^nameserver\s+([0-9.]+)$/m.exec(text)?.[1] ?? '127.0.0.1';
}
