import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectTo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { relayHostFiles } from '../../infra/aws/relay/relay-host.ts';
import { openFileSigner } from '../../orchestrator/ca/index.ts';
import {
  type Deadlines,
  openRelay,
  openRelayHost,
  type RelayHost,
  type RelayHostAddress,
} from '../../orchestrator/relay/index.ts';
import { MACHINE_ID, mintRequest, temporaryCa } from '../support/login.ts';
import { HONEST_EXECUTOR, startSshd, type TestSshd } from '../support/sshd.ts';

/* A real sshd, configured with what `burnbag aws relay-config` prints, as the relay host; another one, reached through it, as the sandbox. */

const WAIT = { timeoutMs: 10_000, signal: undefined };
let folder: string;
let host: TestSshd;
let relayHost: RelayHost;
let via: RelayHostAddress;
let listener: Server;
let publicLine: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-relay-'));
  const key = await openFileSigner(join(folder, 'relay.pem'));
  publicLine = key.publicKeyLine;
  const { username } = userInfo();
  // The second key has no restriction of its own: with it, sshd's configuration stands alone.
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'plain')]);
  const plain = await readFile(join(folder, 'plain.pub'), 'utf8');
  // 127.84.0.0/24 stands for the sandboxes' subnet: its addresses are this host's own.
  const files = relayHostFiles({ subnets: ['127.84.0.0/24'], username, publicKeyLine: publicLine });
  await writeFile(join(folder, 'authorized_keys'), files.authorizedKeys + plain, { mode: 0o600 });
  await writeFile(join(folder, 'relay.conf'), files.sshdConfig);
  host = await startSshd({
    // What else the host lets its users do is not ours: without the block's own forced command, this one would speak.
    ...{ caPublicKey: publicLine, principals: ['nobody'], forceCommand: '/bin/echo' },
    config: [
      `Include ${join(folder, 'relay.conf')}`,
      'DisableForwarding no',
      `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
      'PubkeyAcceptedAlgorithms ssh-ed25519',
    ],
  });
  via = { host: '127.0.0.1', port: host.port, username: host.username, hostKey: host.hostKey };
  relayHost = openRelayHost(key);
  listener = createServer((socket) => socket.end('SSH-2.0-sandbox\r\n')).listen(22, '127.84.0.10');
  await once(listener, 'listening');
});
afterAll(async () => {
  relayHost.close();
  listener.close();
  await host.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('through the relay host', () => {
  test('port 22 of a sandbox is reached', async () => {
    const connection = await relayHost.open(via, { host: '127.84.0.10', port: 22 }, WAIT);
    const [greeting] = (await once(connection, 'data')) as [Buffer];
    expect(greeting.toString()).toBe('SSH-2.0-sandbox\r\n');
    connection.destroy();
  });

  test.each([
    ['another port of a sandbox', '127.84.0.10', 23],
    ['an address that AWS keeps for itself', '127.84.0.1', 22],
    ['the next subnet', '127.84.1.10', 22],
    ['the relay host itself', '127.0.0.1', 22],
    ['a name', 'localhost', 22],
  ])('%s is not', async (_what, to, port) => {
    await expect(relayHost.open(via, { host: to, port }, WAIT)).rejects.toMatchObject({ code: 'unreachable' });
    expect(host.log()).toMatch(/refused local port forward|administratively prohibited|denied/i);
  });

  test('without the rule the next subnet would be: the control', async () => {
    const open = await startSshd({
      ...{ caPublicKey: publicLine, principals: ['nobody'], forceCommand: '/bin/false' },
      config: [
        'DisableForwarding no',
        `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
        'PubkeyAcceptedAlgorithms ssh-ed25519',
      ],
    });
    const other = openRelayHost(await openFileSigner(join(folder, 'relay.pem')));
    const server = createServer((socket) => socket.end('reached')).listen(22, '127.84.1.10');
    await once(server, 'listening');
    const address = { host: '127.0.0.1', port: open.port, username: open.username, hostKey: open.hostKey };
    const connection = await other.open(address, { host: '127.84.1.10', port: 22 }, WAIT);
    expect(String(((await once(connection, 'data')) as [Buffer])[0])).toBe('reached');
    connection.destroy();
    other.close();
    server.close();
    await open.stop();
  });

  test('many connections share one login', async () => {
    const before = host.log().match(/Accepted publickey/g)?.length;
    const opened = await Promise.all(
      Array.from({ length: 8 }, () => relayHost.open(via, { host: '127.84.0.10', port: 22 }, WAIT)),
    );
    for (const connection of opened) connection.destroy();
    expect(host.log().match(/Accepted publickey/g)?.length).toBe(before);
  });

  test('one run that gives up while the relay host logs us in does not end the login of the others', async () => {
    // In front of the relay host, and slow: nothing goes on before both wait.
    const sockets: Socket[] = [];
    const slow = createServer((socket) => void sockets.push(socket.on('error', () => undefined))).listen(
      0,
      '127.0.0.1',
    );
    await once(slow, 'listening');
    const behind = { ...via, port: (slow.address() as AddressInfo).port };
    const shared = openRelayHost(await openFileSigner(join(folder, 'relay.pem')));
    const to = { host: '127.84.0.10', port: 22 };
    const impatient = new AbortController();
    const first = shared.open(behind, to, { ...WAIT, signal: impatient.signal });
    const second = shared.open(behind, to, WAIT);
    impatient.abort(new Error('cancelled'));
    await expect(first).rejects.toMatchObject({ code: 'closed' });
    await expect.poll(() => sockets.length).toBe(1);
    const [socket] = sockets;
    const onward = connectTo(via.port, via.host).on('error', () => undefined);
    socket?.pipe(onward).pipe(socket);
    (await second).destroy();
    shared.close();
    slow.close();
    onward.destroy();
    socket?.destroy();
  });

  test('a relay host with another key is not told who we are', async () => {
    const impostor = { ...via, hostKey: publicLine };
    await expect(relayHost.open(impostor, { host: '127.84.0.10', port: 22 }, WAIT)).rejects.toMatchObject({
      code: 'host_key_mismatch',
    });
  });

  test('a key that it does not know is refused', async () => {
    const stranger = openRelayHost(await openFileSigner(join(folder, 'stranger.pem')));
    await expect(stranger.open(via, { host: '127.84.0.10', port: 22 }, WAIT)).rejects.toMatchObject({
      code: 'unreachable',
    });
    stranger.close();
  });
});

test('the user of the relay host can run nothing and listen nowhere', async () => {
  const privateKey = await readFile(join(folder, 'plain'), 'utf8');
  const client = new ssh2.Client();
  const ready = once(client, 'ready');
  client.connect({ ...{ host: via.host, port: via.port, username: via.username, privateKey } });
  await ready;
  const ran = await new Promise<string>((resolve) => {
    client.exec('echo ran', (error, channel) => {
      if (error !== undefined) {
        resolve(error.message);
        return;
      }
      let said = '';
      channel.on('data', (chunk: Buffer) => (said += chunk.toString()));
      channel.on('close', (code: number | null) => {
        resolve(`exit ${String(code)} ${said}`);
      });
    });
  });
  expect(ran).toMatch(/^exit 1 $/);
  const listened = await new Promise<string>((resolve) => {
    client.forwardIn('127.0.0.1', 0, (error) => {
      resolve(error === undefined ? 'listens' : error.message);
    });
  });
  expect(listened).toMatch(/Unable to bind|forward/);
  client.end();
});

describe('a sandbox behind it', () => {
  const address = { host: '127.84.0.11', port: 22 };

  test('is logged in to, and runs its executor', async () => {
    await using sandbox = await startSandbox(HONEST_EXECUTOR);
    const session = await sandbox.logIn();
    expect(await session.close()).toMatchObject({ reason: 'closed', exitCode: 0 });
  });

  test('that hangs up first keeps nobody waiting', async () => {
    await using sandbox = await startSandbox('/bin/true');
    const session = await sandbox.logIn();
    expect(await session.ended).toMatchObject({ reason: 'executor_exited' });
    // The channel through the relay host has closed by now, and is told to again.
    await sleep(500);
    expect(await session.close()).toMatchObject({ reason: 'executor_exited' });
  });

  test('that vanishes is missed at once, not when its answer is due', async () => {
    await using sandbox = await startSandbox(HONEST_EXECUTOR);
    const session = await sandbox.logIn();
    sandbox.vanish();
    expect(await session.ended).toMatchObject({ reason: 'connection_lost' });
    await session.close();
  });

  test('that falls silent, as an instance that is gone, is missed when it does not answer', async () => {
    await using sandbox = await startSandbox(HONEST_EXECUTOR);
    const session = await sandbox.logIn({ silentMs: 1_500 });
    // A quiet one that answers is not.
    await sleep(3_000);
    sandbox.fallSilent();
    const since = performance.now();
    expect(await session.ended).toMatchObject({ reason: 'connection_lost' });
    expect(performance.now() - since).toBeGreaterThan(500);
    await session.close();
  });

  /** Its sshd has a port of its own; a forwarder puts it where PermitOpen allows it. */
  async function startSandbox(forceCommand: string) {
    await using started = new AsyncDisposableStack();
    const ca = started.use(await temporaryCa());
    const principals = [`sandbox-${MACHINE_ID}`];
    const sandbox = started.use(await startSshd({ caPublicKey: ca.publicKeyLine, principals, forceCommand }));
    const sockets: Socket[] = [];
    const forwarder = createServer((socket) => {
      sockets.push(socket);
      const onward = connectTo(sandbox.port, '127.0.0.1');
      for (const side of [socket, onward]) side.on('error', () => undefined);
      socket.pipe(onward).pipe(socket);
    }).listen(address.port, address.host);
    started.defer(() => void forwarder.close());
    await once(forwarder, 'listening');
    const request = mintRequest();
    const { certificateLine } = await ca.mint(request);
    const login = {
      ...{ address: { ...address, via }, relayHost, hostKey: sandbox.hostKey, username: sandbox.username },
      ...{ privateKey: request.key.privateKey, certificate: certificateLine },
    };
    const all = started.move();
    return {
      logIn: (deadlines: Partial<Deadlines> = {}) => openRelay({ ...login, deadlines }),
      /** As a machine that is killed: its side of each connection closes, and nothing more is said. */
      vanish: () => {
        for (const socket of sockets) socket.unpipe().end();
      },
      /** As EC2's network does it: packets to nobody are dropped, and no connection closes. */
      fallSilent: () => {
        for (const socket of sockets) socket.unpipe().pause();
      },
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    };
  }
});
