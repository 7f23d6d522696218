import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArchiveCredentials } from './credentials.ts';
import { ArchiveError } from './errors.ts';

/** A server process that answers. */
export interface ServerProcess {
  readonly pid: number;
  /** Asks it to end, then makes it; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly binary: string;
  readonly folder: string;
  readonly credentials: ArchiveCredentials;
  readonly port: number;
  readonly region: string;
  /** Not to be guessed: an answer there is our server's, not that of whoever took the port. */
  readonly healthPath: string;
}

/** It starts in a tenth of a second; on a machine that boots VMs beside it, in some. */
const READY_DEADLINE_MS = 20_000;
const POLL_MS = 15;
/** It holds no state in memory: what it has answered is on disk. */
const STOP_DEADLINE_MS = 3_000;
/** What it says before it fails fits in here; the rest is dropped. */
const SAID_MAX_CHARS = 4_096;

/** Starts versitygw and waits until it answers; whatever goes wrong, no process is left. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const child = spawnServer(options);
  const said = collectOutput(child);
  const stop = () => endProcess(child);
  try {
    await waitUntilReady(child, options, said);
    return { pid: requirePid(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** In a session of its own, so that Ctrl-C reaches us alone: what it interrupts has yet to be archived. */
function spawnServer({ binary, folder, credentials, port, region, healthPath }: ServerOptions): Child {
  const args = [
    ...['--port', `127.0.0.1:${port}`, '--region', region, '--health', healthPath, '--keep-alive', '--quiet'],
    ...[
      'posix',
      '--versioning-dir',
      join(folder, 'versions'),
      '--dir-perms',
      '0700',
      '--file-perms',
      '0600',
      join(folder, 'data'),
    ],
  ];
  const env = { ROOT_ACCESS_KEY_ID: credentials.accessKeyId, ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey };
  const [program, ...rest] = [...dieWithParent(), binary, ...args];
  const child = spawn(program ?? binary, rest, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.unref();
  return child;
}

const SETPRIV = '/usr/bin/setpriv';

/** The kernel kills it when this process dies, however it dies (prctl(2), PR_SET_PDEATHSIG); setpriv becomes the server, so the pid stays. */
function dieWithParent(): string[] {
  return existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--'] : [];
}

function collectOutput(child: Child): () => string {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      said = (said + text).slice(-SAID_MAX_CHARS);
    });
  }
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  return () => failure ?? said.trim();
}

async function waitUntilReady(
  child: Child,
  { port, healthPath, folder }: ServerOptions,
  said: () => string,
): Promise<void> {
  const deadline = Date.now() + READY_DEADLINE_MS;
  while (Date.now() < deadline) {
    if (child.pid === undefined || hasEnded(child))
      throw notStarted(folder, said() || `it ended (${String(child.exitCode ?? child.signalCode)})`);
    if (await answers(port, healthPath)) return;
    await sleep(POLL_MS);
  }
  throw notStarted(folder, `no answer within ${READY_DEADLINE_MS / 1000} s; ${said()}`);
}

function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, timeout: 1_000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => {
      resolve(false);
    });
  });
}

async function endProcess(child: Child): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.ref();
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(force);
}

function hasEnded(child: Child): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function requirePid(child: Child): number {
  if (child.pid === undefined) throw notStarted('', 'no process');
  return child.pid;
}

function notStarted(folder: string, got: string): ArchiveError {
  const isUnfit = /xattr|extended attributes|operation not supported/i.test(got);
  return new ArchiveError(isUnfit ? 'storage_unfit' : 'server_failed', {
    expected: `the archive server to start on ${folder}`,
    got,
    hint: isUnfit
      ? 'the archive needs a file system with extended attributes: put the data directory on ext4, xfs or btrfs'
      : 'run burnbag doctor',
  });
}
