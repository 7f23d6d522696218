import { execFile } from 'node:child_process';
import { chmod, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../../infra/driver.ts';
import { createLocalDriver, type LocalDriver } from '../../infra/index.ts';
import { chooseUid } from '../../infra/local/machine/identity.ts';
import { keepingObserver, makeHome, makePublicKeyLine } from '../support/sandbox.ts';

/*
 * Who on this host can open a connection to a sandbox: the relay's process, through a socket of its own, and nobody else. Where the tests
 * run as root, other users really try.
 */

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const RUN = 'ab0000000001';
/** The user another sandbox's QEMU would be. */
const NEIGHBOUR = chooseUid('cd0000000002', '0 0 4294967295');
const STRANGER = 54_321;

let place: Awaited<ReturnType<typeof makeHome>>;
let driver: LocalDriver;
let sandbox: Sandbox;
let pid = '';
const observer = keepingObserver();
beforeAll(async () => {
  place = await makeHome();
  driver = createLocalDriver({ home: place.home, installationId: `reach-${process.pid}`, engine: 'embedded' });
  const profile = { memoryMiB: 512, cpus: 1, scratchMiB: 64 };
  const request = { runId: RUN, caPublicKey: makePublicKeyLine(), profile, lifetimeSeconds: 200, tunnels: [] };
  sandbox = await driver.provision(request, observer, AbortSignal.timeout(100_000));
  pid = observer.ids.find(({ kind, detail }) => kind === 'process' && 'pid' in detail)?.detail['pid'] ?? '';
});
afterAll(async () => {
  await driver.destroy(RUN, observer.ids, () => undefined);
  await place[Symbol.asyncDispose]();
});

const socketPath = (): string => ('path' in sandbox.address ? sandbox.address.path : '');

/** Connects to a unix socket as another user and returns what is said there, or why not. */
async function greetingAs(uid: number, path: string): Promise<string> {
  const code =
    'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ARGV[0])) or do { print $!; exit }; print scalar <$s>';
  return as(uid, ['/usr/bin/perl', '-e', code, path]);
}

/** Connects to a TCP port of loopback as another user, in the network namespace of `target` if given. */
async function dialAs(uid: number, port: number, target?: string): Promise<string> {
  const code =
    'use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0); print connect($s, sockaddr_in($ARGV[0], inet_aton("127.0.0.1"))) ? "connected" : $!';
  return as(uid, ['/usr/bin/perl', '-e', code, String(port)], target);
}

async function as(uid: number, command: readonly string[], target?: string): Promise<string> {
  const enter = target === undefined ? [] : ['nsenter', `--target=${target}`, '--net', '--'];
  const argv = [...enter, 'setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--', ...command];
  const [program = '', ...args] = argv;
  const { stdout } = await run(program, args, {
    timeout: 10_000,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    cwd: '/',
  });
  return stdout;
}

async function listen(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

test('the only way in is a socket of ours, in a folder of ours', async () => {
  expect(sandbox).toMatchObject({
    reach: 'wire',
    machineNetwork: 'own',
    address: { path: join(place.home, 'live', RUN, 'ssh.sock') },
  });
  const [socket, folder] = await Promise.all([stat(socketPath()), stat(dirname(socketPath()))]);
  expect([socket.isSocket(), socket.mode & 0o777, folder.mode & 0o777]).toEqual([true, 0o600, 0o700]);
  expect([socket.uid, folder.uid]).toEqual([process.getuid?.(), process.getuid?.()]);
  expect(observer.ids).toContainEqual({ kind: 'socket', id: socketPath(), detail: {} });
});

test.runIf(isRoot)(
  'another user, or the QEMU of another sandbox, gets neither into the folder nor through the socket',
  async () => {
    for (const uid of [STRANGER, NEIGHBOUR]) expect(await greetingAs(uid, socketPath())).toBe('Permission denied');
    await opening(0o755, async () => {
      for (const uid of [STRANGER, NEIGHBOUR]) expect(await greetingAs(uid, socketPath())).toBe('Permission denied');
    });
  },
);

test.runIf(isRoot)('control: with folder and socket open to all the same attempt gets through', async () => {
  await opening(0o755, async () => {
    await chmod(socketPath(), 0o666);
    expect(await greetingAs(STRANGER, socketPath())).toMatch(/^SSH-2\.0-/);
    await chmod(socketPath(), 0o600);
  });
});

/** Does something while every folder down to the socket has the given mode. */
async function opening(mode: number, work: () => Promise<void>): Promise<void> {
  const folders = [place.home, join(place.home, 'live'), join(place.home, 'live', RUN)];
  for (const folder of folders) await chmod(folder, mode);
  await work().finally(() => Promise.all(folders.map((folder) => chmod(folder, 0o700))));
}

describe('the process that is the machine', () => {
  test('has no network: neither an interface nor a socket of one', async () => {
    const [own, ours] = await Promise.all([readlink(`/proc/${pid}/ns/net`), readlink('/proc/self/ns/net')]);
    expect(own).not.toBe(ours);
    const interfaces = (await readFile(`/proc/${pid}/net/dev`, 'utf8')).split('\n').slice(2).filter(Boolean);
    expect(interfaces.map((line) => line.split(':')[0]?.trim())).toEqual(['lo']);
    for (const table of ['tcp', 'udp', 'raw', 'packet', 'unix'])
      expect((await readFile(`/proc/${pid}/net/${table}`, 'utf8')).trim().split('\n')).toHaveLength(1);
  });

  test.runIf(isRoot)(
    'finds nothing on loopback, were it taken over; control: on the network of the host it would',
    async () => {
      const { server, port } = await listen();
      expect(await dialAs(NEIGHBOUR, port, pid)).toBe('Network is unreachable');
      expect(await dialAs(NEIGHBOUR, port)).toBe('connected');
      server.close();
    },
  );

  test('holds no descriptor but files, its cable and its own events', async () => {
    const folder = `/proc/${pid}/fd`;
    const links = await Promise.all(
      (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => 'closed')),
    );
    const kinds = links.map((link) => link.replace(/:\[[0-9]+\]$/, '').replace(/^\/.*/, 'file'));
    const known = ['file', 'socket', ...['eventfd', 'eventpoll', 'signalfd'].map((kind) => `anon_inode:[${kind}]`)];
    expect(kinds.filter((kind) => !known.includes(kind))).toEqual([]);
    expect(kinds.filter((kind) => kind === 'socket')).toHaveLength(1);
  });
});

test.runIf(isRoot)('control: a forwarded port on loopback takes connections of every user', async () => {
  const { server, port } = await listen();
  server.close();
  const words = ['-M', 'microvm', '-nodefaults', '-display', 'none', '-S', '-m', '16'];
  const forward = [
    '-netdev',
    `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`,
    '-device',
    'virtio-net-device,netdev=net',
  ];
  const qemu = execFile('qemu-system-x86_64', [...words, ...forward]);
  await expect.poll(() => dialAs(STRANGER, port), { timeout: 10_000 }).toBe('connected');
  qemu.kill('SIGKILL');
});
