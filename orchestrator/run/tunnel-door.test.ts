import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConcreteId } from '../../infra/driver.ts';
import type { Session, SessionEnd } from '../relay/index.ts';
import { type DoorRun, openTunnelDoor } from './tunnel-door.ts';

/* Real sockets; the session gives back what it is sent, and the journal fails when it is told to. */

const DESTINATION = '127.0.0.1:8080';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-door-'));
});
afterAll(() => rm(folder, { recursive: true }));

function echo(): Duplex {
  const stream: Duplex = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      stream.push(chunk);
      done();
    },
    final: (done) => {
      stream.push(null);
      done();
    },
  });
  return stream;
}

function runWith(ended: Promise<SessionEnd>): DoorRun {
  const session = { tunnel: () => Promise.resolve(echo()), ended } as Partial<Session> as Session;
  const streams = { console: join(folder, 'console') };
  return { runId: 'aaaaaaaaaaaa', session, sandbox: { streams }, tunnels: [DESTINATION], tunnelDoors: new Map() };
}

async function say(path: string, line: string): Promise<string> {
  const socket = connect(path);
  socket.end(line);
  return text(socket);
}

test('a door that could not be opened is opened for the next who asks, and named before it is there', async () => {
  const { promise: ended, resolve } = Promise.withResolvers<SessionEnd>();
  const live = runWith(ended);
  const named: ConcreteId[] = [];
  let isAway = true;
  const recordId = async (_runId: string, id: ConcreteId): Promise<void> => {
    if (isAway) throw new Error('the database is away');
    await expect(stat(id.id)).rejects.toMatchObject({ code: 'ENOENT' });
    named.push(id);
  };
  const deps = { journal: { recordId } };
  await expect(openTunnelDoor(live, deps, DESTINATION, 'one')).rejects.toThrow('the database is away');
  isAway = false;
  const [first, second] = await Promise.all(['one', 'two'].map((by) => openTunnelDoor(live, deps, DESTINATION, by)));
  expect(second).toEqual(first);
  expect(named).toEqual([{ kind: 'socket', id: first?.socket, detail: {} }]);
  const socket = first?.socket ?? '';
  expect((await stat(socket)).mode & 0o777).toBe(0o600);
  expect(await say(socket, 'hello')).toBe('hello');
  resolve({} as SessionEnd);
  await expect
    .poll(() =>
      stat(socket).then(
        () => 'there',
        () => 'gone',
      ),
    )
    .toBe('gone');
});

test('there is none to another destination, nor without a session', async () => {
  const live = runWith(new Promise(() => undefined));
  const deps = { journal: { recordId: () => Promise.reject(new Error('expected nothing to be recorded')) } };
  for (const other of ['127.0.0.1:8081', 'localhost:8080', '10.0.0.1:8080', `${DESTINATION} `])
    await expect(openTunnelDoor(live, deps, other, 'one')).rejects.toMatchObject({ code: 'refused_by_policy' });
  const gone = { ...live, session: undefined };
  await expect(openTunnelDoor(gone, deps, DESTINATION, 'one')).rejects.toMatchObject({ code: 'not_running' });
});
