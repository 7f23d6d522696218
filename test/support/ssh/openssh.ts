import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Target } from './target.ts';

/** OpenSSH's own client, which knows every trick, with a key pair of the attacker's. */
export interface OpenSsh extends AsyncDisposable {
  readonly publicKey: string;
  readonly folder: string;
  /** Runs it to its end, or to its deadline. */
  run(certificate: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Starts it and leaves it to the caller; ended by disposal at the latest. */
  start(certificate: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<ChildProcess>;
}

export interface RunOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A login under emulation takes a second or two, on a busy machine some more. */
const TIMEOUT_MS = 20_000;

/** Makes a client for one target: its unix socket behind a port of loopback, which is all that ssh can dial. */
export async function openSsh(target: Target): Promise<OpenSsh> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-openssh-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const port = await forward(target.socket, undo);
  const key = join(folder, 'key');
  await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key], { timeout: 10_000 });
  await writeFile(join(folder, 'known_hosts'), `sandbox ${target.guest.hostKey}\n`);
  const children = new Set<ChildProcess>();
  undo.defer(async () => {
    for (const child of children) await end(child);
  });
  let certificates = 0;
  const start: OpenSsh['start'] = async (certificate, args, env = {}) => {
    const file = join(folder, `${String((certificates += 1))}-cert.pub`);
    await writeFile(file, `${certificate}\n`);
    const argv = [...options(folder, key, file, port), ...args];
    const child = spawn('ssh', argv, { env: { PATH: '/usr/bin:/bin', HOME: folder, ...env }, stdio: 'pipe' });
    children.add(child);
    child.once('exit', () => children.delete(child));
    child.stdin.on('error', () => undefined);
    return child;
  };
  const held = undo.move();
  return {
    publicKey: (await readFile(`${key}.pub`, 'utf8')).trim(),
    ...{ folder, start },
    run: async (certificate, args, { input, timeoutMs = TIMEOUT_MS, env } = {}) =>
      collect(await start(certificate, args, env), input, timeoutMs),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function options(folder: string, key: string, certificate: string, port: number): readonly string[] {
  const settings = {
    ...{ BatchMode: 'yes', IdentitiesOnly: 'yes', CertificateFile: certificate },
    ...{ StrictHostKeyChecking: 'yes', UserKnownHostsFile: join(folder, 'known_hosts'), HostKeyAlias: 'sandbox' },
    ...{ ConnectTimeout: '90', StreamLocalBindUnlink: 'yes' },
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-F', 'none', '-i', key, '-p', String(port), '-l', 'agent-runner', ...words];
}

/** The host that every command line names: after it comes what is to be executed. */
export const HOST = '127.0.0.1';

async function collect(child: ChildProcess, input: string | undefined, timeoutMs: number): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  child.stdin?.end(input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code, ...said };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function forward(path: string, undo: AsyncDisposableStack): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const other = connect({ path, allowHalfOpen: true });
    for (const one of [socket, other]) {
      sockets.add(one);
      one
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(one);
          for (const each of [socket, other]) each.destroy();
        });
    }
    socket.pipe(other).pipe(socket);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  undo.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A port of loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
