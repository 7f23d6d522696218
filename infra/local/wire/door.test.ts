import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDoor } from './door.ts';
import { EchoPeer } from './peer-for-tests.ts';
import { Wire } from './wire.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-door-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('what goes in at the socket comes back from the guest, after the end of input too, and nobody else may knock', async () => {
  const [ours, guest] = duplexPair();
  const wire = new Wire(ours);
  const peer = new EchoPeer(guest);
  const path = join(folder, 'ssh.sock');
  await openDoor(wire, path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const socket = connect({ path, allowHalfOpen: true });
  socket.end('x'.repeat(300_000));
  expect((await text(socket)).length).toBe(300_000);
  expect(Buffer.concat(peer.received).length).toBe(300_000);
  wire.cut();
});

test('the end of the machine ends the connections and removes the socket', async () => {
  const [ours, guest] = duplexPair();
  const wire = new Wire(ours);
  const peer = new EchoPeer(guest);
  const path = join(folder, 'ssh.sock');
  await openDoor(wire, path);
  const socket = connect(path);
  socket.on('error', () => undefined);
  await expect.poll(() => peer.heard.length).toBeGreaterThan(0);
  guest.end();
  await once(socket, 'close');
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  const late = connect(path);
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ENOENT');
});

test('a door is never opened over something that is there', async () => {
  const path = join(folder, 'ssh.sock');
  await openDoor(new Wire(duplexPair()[0]), path);
  await expect(openDoor(new Wire(duplexPair()[0]), path)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
