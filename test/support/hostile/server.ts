// A program: one hostile server per way of misbehaving, each on a port of its own. Says the ports and the host key in one line of JSON.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel, type ServerConfig } from 'ssh2';

const { private: hostKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
/** When a late tunnel is opened. */
const TUNNEL_MS = 600;
const CHUNK = Buffer.alloc(32 * 1024, 'x');
const health = { now_ms: 1, uptime_seconds: 1, memory: { total_bytes: 1, available_bytes: 1 }, disks: [] };
const result = {
  ...health,
  time: { offset_ms: null, source: 'tsc' },
  services: { sshd: 'running', auditd: 'running', syslogd: 'running', spawner: 'running' },
  audit: { enabled: null, lost: null, backlog: null, auditd: 'running' },
};
const good = (id: number) => ({ id, status: 'ok', action: 'check_health', duration_ms: 0, result });
const say = (channel: ServerChannel, value: object) => channel.write(`${JSON.stringify(value)}\n`);

/** Before SSH: what a socket does once somebody is there. */
const SOCKETS: Record<string, (socket: Socket) => void> = {
  silent: () => undefined,
  'hangs-up': (socket) => socket.destroy(),
  'endless-banner': (socket) => {
    flood(socket, () => socket.write('welcome '.repeat(100) + '\r\n'));
  },
  'endless-line': (socket) => {
    flood(socket, () => socket.write(CHUNK));
  },
  'not-ssh': (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
};

/** After login: what the executor does on its channel. */
const EXECUTORS: Record<string, (channel: ServerChannel, connection: Connection) => void> = {
  'never-answers': () => undefined,
  'endless-stderr': (channel) => {
    flood(channel, () => channel.stderr.write(CHUNK));
  },
  'ignores-windows': (channel, connection) => {
    flood(channel, () => {
      rawData(channel, connection);
    });
  },
  pings: (channel, connection) => {
    flood(channel, () => {
      internals(connection)._protocol.ping();
    });
  },
  'talks-unasked': (channel) => say(channel, good(1)),
  'refuses-session': (channel) => {
    const error = { code: 'LOGIN_WRONG_MACHINE', expected: 'a', got: 'b\u001b[2J', hint: 'c' };
    say(channel, { id: null, status: 'refused', error });
    channel.exit(3);
    channel.close();
  },
  'wrong-id': onLine((channel) => say(channel, good(2))),
  'wrong-action': onLine((channel) =>
    say(channel, { ...good(1), action: 'list_processes', result: { entries: [], truncated: false } }),
  ),
  'unknown-field': onLine((channel) => say(channel, { ...good(1), shell_: true })),
  'not-json': onLine((channel) => channel.write('\u001b[2J{"id":1\n')),
  'not-utf8': onLine((channel) => channel.write(Buffer.from([0x22, 0xff, 0x22, 0x0a]))),
  deep: onLine((channel) => channel.write(`${'['.repeat(1024 * 1024)}\n`)),
  'two-answers': onLine((channel) => channel.write(`${JSON.stringify(good(1))}\n${JSON.stringify(good(1))}\n`)),
  'endless-answer': onLine((channel) => {
    flood(channel, () => channel.write(CHUNK));
  }),
  drips: onLine((channel) => {
    setInterval(() => channel.write(' '), 20).unref();
  }),
  dies: onLine((_channel, connection) => internals(connection)._sock.destroy()),
  exits: onLine((channel) => {
    channel.stderr.write('panic: \u001b]0;x\u0007');
    channel.exit(7);
    channel.close();
  }),
  'outlives-input': (channel) => channel.resume(),
  'never-tunnels': onLine((channel) => say(channel, good(1))),
  // Answers only once somebody has closed the tunnel that came too late.
  'tunnels-late': (channel, connection) => {
    channel.setMaxListeners(0);
    connection.on('tcpip', (acceptTunnel) => {
      setTimeout(() => {
        acceptTunnel()
          .on('error', () => undefined)
          .on('close', () => channel.once('data', () => say(channel, good(1))))
          .resume();
      }, TUNNEL_MS);
    });
  },
};

/** During login. */
const CONNECTIONS: Record<string, (connection: Connection) => void> = {
  'never-authenticates': (connection) => connection.on('authentication', () => undefined),
  refuses: (connection) =>
    connection.on('authentication', (context) => {
      context.reject();
    }),
  'never-opens': (connection) => accept(connection).on('session', () => undefined),
  'never-runs': (connection) => accept(connection).on('session', (open) => open().on('exec', () => undefined)),
  'refuses-exec': (connection) =>
    accept(connection).on('session', (open) =>
      open().on('exec', (_a, reject) => {
        reject();
      }),
    ),
};

const servers: Record<string, Server> = {};
for (const [name, misbehave] of Object.entries(SOCKETS)) {
  servers[name] = createServer((socket) => {
    socket.on('error', () => undefined);
    misbehave(socket);
  });
}
for (const [name, misbehave] of Object.entries(CONNECTIONS)) servers[name] = sshServer({}, misbehave);
for (const [name, misbehave] of Object.entries(EXECUTORS))
  servers[name] = sshServer({}, (connection) => {
    runExecutor(connection, misbehave);
  });
servers['old-algorithms'] = sshServer(
  { algorithms: { kex: ['diffie-hellman-group14-sha1'], cipher: ['aes128-cbc'] } },
  accept,
);
servers['no-strict-kex'] = sshServer({ algorithms: { kex: ['curve25519-sha256'] } }, accept, true);

const ports: Record<string, number> = {};
for (const [name, server] of Object.entries(servers)) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports[name] = (server.address() as AddressInfo).port;
}
console.log(JSON.stringify({ ports, hostKey: publicKey.split(' ').slice(0, 2).join(' ') }));
// Whoever started this ends it by closing its stdin.
process.stdin.resume().on('end', () => process.exit(0));
process.on('uncaughtException', () => undefined);

function sshServer(config: Partial<ServerConfig>, misbehave: (connection: Connection) => unknown, lax = false): Server {
  const server = new ssh2.Server({ hostKeys: [hostKey], ...config }, (connection) => {
    connection.on('error', () => undefined);
    if (lax) withoutStrictKeyExchange(connection);
    misbehave(connection);
  });
  return server;
}

function accept(connection: Connection): Connection {
  return connection.on('authentication', (context) => {
    context.accept();
  });
}

function runExecutor(
  connection: Connection,
  misbehave: (channel: ServerChannel, connection: Connection) => void,
): void {
  accept(connection).on('session', (open) => {
    open().on('exec', (acceptExec) => {
      const channel = acceptExec();
      connection.on('tcpip', () => undefined);
      channel.on('error', () => undefined);
      misbehave(channel, connection);
    });
  });
}

function onLine(answer: (channel: ServerChannel, connection: Connection) => unknown) {
  return (channel: ServerChannel, connection: Connection) => {
    channel.once('data', () => answer(channel, connection));
  };
}

function flood(stream: Socket | ServerChannel, write: () => unknown): void {
  let over = false;
  stream.on('close', () => {
    over = true;
  });
  const burst = () => {
    for (let n = 0; n < 16 && !over; n += 1) write();
    if (!over) setImmediate(burst);
  };
  burst();
}

/** Data that the client's window has no room for. */
function rawData(channel: ServerChannel, connection: Connection): void {
  const { id } = (channel as unknown as { outgoing: { id: number } }).outgoing;
  internals(connection)._protocol.channelData(id, CHUNK);
}

interface Internals {
  readonly _sock: Socket;
  readonly _protocol: {
    ping(): void;
    channelData(id: number, data: Buffer): void;
    _offer: { lists: { all: Uint8Array } };
  };
}

function internals(connection: Connection): Internals {
  return connection as unknown as Internals;
}

/** Misspells the word by which a server offers it. */
function withoutStrictKeyExchange(connection: Connection): void {
  const { all } = internals(connection)._protocol._offer.lists;
  const bytes = Buffer.from(all.buffer, all.byteOffset, all.byteLength);
  bytes.write('x', bytes.indexOf('kex-strict-s'));
}
