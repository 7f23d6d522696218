import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** A real sshd of this host on a free port of 127.0.0.1, with a folder, a host key and a log of its own. */
export interface TestSshd extends AsyncDisposable {
  readonly port: number;
  /** The only user that can log in: whoever runs the test. */
  readonly username: string;
  readonly folder: string;
  /** Its host key, `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** What it logged so far. */
  log(): string;
  /** Its process and everything below it. */
  processes(): Promise<readonly number[]>;
  stop(): Promise<void>;
}

export interface SshdOptions {
  /** Public key line of the CA it trusts. */
  readonly caPublicKey: string;
  /** What the user may call himself in a certificate. */
  readonly principals: readonly string[];
  /** The forced command. sshd hands it to the user's login shell: absolute paths without blanks. */
  readonly forceCommand: string;
  /** Further lines of sshd_config; the first value of a keyword wins, and these come first. */
  readonly config?: readonly string[];
  /** Lines for the end of sshd_config, where a Match block belongs. */
  readonly lastConfig?: readonly string[];
  /** A library to preload and its environment, for another clock. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A forced command that answers as agent-exec would. */
export const HONEST_EXECUTOR = `${process.execPath} ${path.join(import.meta.dirname, 'executors', 'honest.ts')}`;

const run = promisify(execFile);
const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 2_000;

/** Starts an sshd; `await using` stops it and removes its folder. Fails with what to install when there is none. */
export async function startSshd(options: SshdOptions): Promise<TestSshd> {
  const program = await findSshd();
  const folder = await mkdtemp(path.join(tmpdir(), 'burnbag-sshd-'));
  try {
    const port = await freePort();
    const hostKey = await prepareFolder(folder, port, options);
    const child = spawn(program, ['-D', '-e', '-f', path.join(folder, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...options.environment },
    });
    const lines = collectLines(child);
    const sshd = handleOf(child, folder, lines);
    await untilListening(child, lines).catch(async (error: unknown) => {
      await sshd.stop();
      throw error;
    });
    return { ...sshd, port, hostKey, username: userInfo().username };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function findSshd(): Promise<string> {
  const folders = ['/usr/sbin', '/usr/local/sbin', '/sbin', ...(process.env['PATH'] ?? '').split(':')];
  for (const folder of folders) {
    const program = path.resolve(folder, 'sshd');
    const isThere = await access(program).then(
      () => true,
      () => false,
    );
    if (isThere) return program;
  }
  throw new Error(`expected sshd in ${folders.join(':')}, got none; install the package openssh-server`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return address.port;
}

async function prepareFolder(folder: string, port: number, options: SshdOptions): Promise<string> {
  const inFolder = (name: string) => path.join(folder, name);
  // Root's sshd wants this folder for its unprivileged half; the package makes it when its service starts.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', inFolder('host_key')], {
    timeout: START_TIMEOUT_MS,
  });
  await writeFile(inFolder('ca.pub'), `${options.caPublicKey}\n`);
  await writeFile(inFolder('principals'), options.principals.map((principal) => `${principal}\n`).join(''));
  await writeFile(inFolder('revoked'), '');
  await writeFile(inFolder('sshd_config'), configLines(folder, port, options).join('\n'));
  return (await readFile(inFolder('host_key.pub'), 'utf8')).trim();
}

/** As images/ has it for the sandbox, but for the paths, the port and the user. */
function configLines(
  folder: string,
  port: number,
  { forceCommand, config = [], lastConfig = [] }: SshdOptions,
): string[] {
  return [
    ...config,
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${folder}/host_key`,
    `TrustedUserCAKeys ${folder}/ca.pub`,
    `AuthorizedPrincipalsFile ${folder}/principals`,
    `RevokedKeys ${folder}/revoked`,
    `ForceCommand ${forceCommand}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'AuthenticationMethods publickey',
    'AuthorizedKeysFile none',
    'ExposeAuthInfo yes',
    'DisableForwarding yes',
    'PermitTTY no',
    'PermitUserRC no',
    // bash reads ~/.bashrc when it is the first shell below sshd: whatever the tester has in there is no part of a test.
    'SetEnv SHLVL=9',
    'LogLevel VERBOSE',
    'KexAlgorithms curve25519-sha256',
    'Ciphers aes128-gcm@openssh.com',
    'HostKeyAlgorithms ssh-ed25519',
    'PubkeyAcceptedAlgorithms ssh-ed25519-cert-v01@openssh.com',
    'CASignatureAlgorithms ssh-ed25519',
    ...lastConfig,
    '',
  ];
}

function collectLines(child: ChildProcess): string[] {
  const lines: string[] = [];
  if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  return lines;
}

/** Waits for sshd's own word: a probe of the port would be a connection in its log. */
async function untilListening(child: ChildProcess, lines: readonly string[]): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!lines.some((line) => line.startsWith('Server listening on'))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`sshd did not start: ${lines.join('; ')}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function handleOf(child: ChildProcess, folder: string, lines: readonly string[]) {
  // The pid of one that has ended may be anybody's.
  const processes = async () => (hasEnded(child) ? [] : descendants(child.pid ?? 0));
  const stop = async () => {
    await stopAll(child, await processes());
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, log: () => lines.join('\n'), processes, stop, [Symbol.asyncDispose]: stop };
}

async function stopAll(child: ChildProcess, pids: readonly number[]): Promise<void> {
  const exited = hasEnded(child) ? Promise.resolve() : once(child, 'exit');
  for (const pid of pids) kill(pid);
  await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS).unref())]);
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** A process that is alive and all below it: a connection of sshd is in a session of its own, out of a group's reach. */
async function descendants(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const children = lists.join(' ').split(/\s+/).filter(Boolean).map(Number);
  const below = await Promise.all(children.map(descendants));
  return tasks.length === 0 ? [] : [pid, ...below.flat()];
}
