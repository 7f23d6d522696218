import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A process with one hostile server per way of misbehaving. */
export interface Hostile extends AsyncDisposable {
  /** The port of the server that misbehaves in this way. */
  port(way: string): number;
  /** The host key that all of them have. */
  readonly hostKey: string;
}

/** Starts the process; it ends with this one's pipe, at the latest. Their memory is their own: ours can be watched. */
export async function startHostile(): Promise<Hostile> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'server.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { ports, hostKey } = JSON.parse(line) as { ports: Record<string, number>; hostKey: string };
  return {
    hostKey,
    port: (way) => {
      const port = ports[way];
      if (port === undefined) throw new Error(`expected one of ${Object.keys(ports).join(', ')}, got ${way}`);
      return port;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
