import { spawn, type ChildProcess } from 'node:child_process';
import { access, rm } from 'node:fs/promises';
import { connect, type NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RootShell } from '../root-guest/shell.ts';
import { hasRun } from './layers.ts';
import { freePort, HOST, type OpenSsh } from './openssh.ts';

/** Whoever attacks: OpenSSH's client, a new certificate for each login, and root's eyes in the guest to see what came of it. */
export interface Attacker {
  readonly ssh: OpenSsh;
  readonly root: RootShell;
  readonly certificate: () => Promise<string>;
}

/** Each attack and whether it worked. */
export type Attacks = Readonly<Record<string, boolean>>;

/** Everything a login can ask for beside its one command. Four logins, for each costs a second. */
export const LOGINS = 4;

/** See LOGINS. */
export async function tryEverything(attacker: Attacker): Promise<Attacks> {
  return {
    ...(await tryForwards(attacker)),
    ...(await trySession(attacker)),
    '-W': await tryStdioForward(attacker),
    'the sftp subsystem': await trySftp(attacker),
  };
}

/** What each attack leaves in sshd's log, refused or not. */
export const LOGGED: Readonly<Record<string, RegExp>> = {
  '-L': /(refused local port forward|server_request_direct_tcpip).*127\.0\.0\.1 port 22/,
  '-L to a unix socket': /(refused streamlocal port forward|server_request_direct_streamlocal).*spawner\.sock/,
  '-R': /rtype tcpip-forward/,
  '-R to a unix socket': /rtype streamlocal-forward@openssh\.com/,
  'an agent': /request auth-agent-req@openssh\.com/,
  X11: /request x11-req/,
  'a terminal': /request pty-req/,
  'the environment': /channel 0 request env/,
  'the sftp subsystem': /request subsystem/,
};

const REMOTE_PORT = 7777;
const REMOTE_SOCKET = '/tmp/attacker.sock';
/** How long an answer is waited for that may never come. */
const ANSWER_MS = 4_000;
const LOGIN_MS = 20_000;

async function tryForwards({ ssh, root, certificate }: Attacker): Promise<Attacks> {
  const [tcp, unix, socks] = [join(ssh.folder, 'tcp.sock'), join(ssh.folder, 'unix.sock'), await freePort()];
  const local = ['-L', `${tcp}:127.0.0.1:22`, '-L', `${unix}:/run/burnbag/spawner.sock`, '-D', `${HOST}:${socks}`];
  const remote = ['-R', `127.0.0.1:${REMOTE_PORT}:127.0.0.1:9`, '-R', `${REMOTE_SOCKET}:127.0.0.1:9`];
  // Of the attempt before; a new one says that the client is logged in.
  await Promise.all([tcp, unix].map((path) => rm(path, { force: true })));
  const child = await ssh.start(await certificate(), ['-N', ...local, ...remote, HOST]);
  try {
    await until(child, () => exists(tcp));
    return {
      '-L': (await exchange({ path: tcp }, [])).startsWith('SSH-2.0'),
      '-L to a unix socket': (await exchange({ path: unix }, ['{}\n'])) !== '',
      '-D': (await exchange({ host: HOST, port: socks }, [SOCKS_HELLO, SOCKS_TO_SSH])).includes('SSH-2.0'),
      '-R': (await root.run(`grep -q ':${REMOTE_PORT.toString(16).toUpperCase()} .* 0A ' /proc/net/tcp`)).code === 0,
      '-R to a unix socket': (await root.run(`[ -S ${REMOTE_SOCKET} ] && rm ${REMOTE_SOCKET}`)).code === 0,
    };
  } finally {
    child.kill('SIGKILL');
  }
}

/** RFC 1928: version 5 without authentication; then connect to 127.0.0.1:22. */
const SOCKS_HELLO = Buffer.from('050100', 'hex');
const SOCKS_TO_SSH = Buffer.from('050100017f0000010016', 'hex');

/** Variables that change what a program does, before it can look at its arguments. */
const VARIABLES = { LD_PRELOAD: '/work/in/x.so', BASH_ENV: '/work/in/x', NODE_OPTIONS: '--trace-warnings' };

async function trySession({ ssh, root, certificate }: Attacker): Promise<Attacks> {
  const variables = Object.entries(VARIABLES).map(([name, value]) => `${name}=${value}`);
  const agentSocket = join(ssh.folder, 'agent.sock');
  const wishes = ['-A', '-Y', '-tt', '-o', `SetEnv=${variables.join(' ')}`];
  await rm(agentSocket, { force: true });
  const agent = spawn('ssh-agent', ['-D', '-a', agentSocket], { env: { PATH: '/usr/bin:/bin' }, stdio: 'ignore' });
  await until(agent, () => exists(agentSocket));
  const command = [...wishes, HOST, 'busybox sleep 60'];
  const child = await ssh.start(await certificate(), command, { DISPLAY: '127.0.0.1:0', SSH_AUTH_SOCK: agentSocket });
  try {
    const seen = await until(child, async () => {
      const { output } = await root.run(ENVIRONMENTS);
      return output.includes('SSH_CONNECTION=') ? output : undefined;
    });
    const has = (name: string) => new RegExp(`^${name}=`, 'm').test(seen ?? '');
    return {
      'an agent': has('SSH_AUTH_SOCK'),
      X11: has('DISPLAY'),
      'a terminal': has('SSH_TTY'),
      'the environment': Object.keys(VARIABLES).some(has),
      'a file that runs at login': await isRunSoon(root),
    };
  } finally {
    child.kill('SIGKILL');
    agent.kill('SIGKILL');
  }
}

/** Of every process but our own shell's. */
const ENVIRONMENTS = `busybox cat /proc/[0-9]*/environ 2>/dev/null | busybox tr '\\0' '\\n' | busybox grep -E '^(SSH_|DISPLAY|LD_PRELOAD|BASH_ENV|NODE_OPTIONS)'`;

/** sshd starts it right before the command, and it is as slow as everything there. */
async function isRunSoon(root: RootShell): Promise<boolean> {
  for (let round = 0; round < 4; round += 1) {
    if (await hasRun(root, 'rc')) return true;
    await sleep(500);
  }
  return false;
}

async function tryStdioForward({ ssh, certificate }: Attacker): Promise<boolean> {
  const ran = await ssh.run(await certificate(), ['-W', '127.0.0.1:22', HOST], { timeoutMs: LOGIN_MS });
  return ran.stdout.startsWith('SSH-2.0');
}

/** SSH_FXP_INIT, version 3; an sftp server says its own version, type 2. */
async function trySftp({ ssh, certificate }: Attacker): Promise<boolean> {
  const child = await ssh.start(await certificate(), ['-s', HOST, 'sftp']);
  let said = Buffer.alloc(0);
  child.stdout?.on('data', (chunk: Buffer) => (said = Buffer.concat([said, chunk])));
  child.stdin?.write(Buffer.from('000000050100000003', 'hex'));
  await until(child, () => Promise.resolve(said.length > 4));
  child.kill('SIGKILL');
  return said[4] === 2;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Asks until there is an answer, the client ended, or the time is up. */
export async function until<T>(child: ChildProcess, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = performance.now() + LOGIN_MS;
  while (performance.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    await sleep(100);
  }
  return undefined;
}

/** Says each thing after an answer to the one before, and gives what came until it was enough, the end, or the time was up. */
export async function exchange(to: NetConnectOpts, says: readonly (Buffer | string)[]): Promise<string> {
  const socket = connect(to);
  let text = '';
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const rest = [...says];
  const say = (): void => {
    const next = rest.shift();
    if (next !== undefined) socket.write(next);
  };
  socket.on('connect', say).on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (rest.length > 0) say();
    else if (text.includes('SSH-2.0')) resolve(undefined);
  });
  for (const event of ['error', 'end', 'close'] as const)
    socket.on(event, () => {
      resolve(undefined);
    });
  const timer = setTimeout(resolve, ANSWER_MS, undefined);
  await promise;
  clearTimeout(timer);
  socket.destroy();
  return text;
}
