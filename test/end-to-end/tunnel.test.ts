import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFile } from 'node:fs/promises';
import { burnbag, eventually, parseDocument, type Running, startBurnbag } from '../support/burnbag.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';
import { freePort } from '../support/ssh/openssh.ts';
import { say, startDrill } from '../support/tunnel-drill.ts';

/* One run whose script listens on two ports, and what another process of the same user gets to by way of it. */

let place: TestHome;
let running: Running;
let runId = '';
let socket = '';

beforeAll(async () => {
  place = await makeTestHome();
  ({ running, runId, socket } = await startDrill(place));
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

describe('a tunnel of a run', { timeout: 240_000 }, () => {
  test('is a socket for this user only, and leads to the one destination', async () => {
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    const said = await eventually(
      'the script to listen',
      async () => (await say({ path: socket }, 'hello')) || undefined,
    );
    expect(said).toBe('port 8080: hello\n');
  });

  test('is a port of loopback for whoever wants one, and Ctrl-C ends that', async () => {
    const port = await freePort();
    const second = startBurnbag(place, ['tunnel', runId.slice(0, 6), '127.0.0.1:8080', '--port', String(port)]);
    const said = await eventually(
      'the port',
      async () => (await say({ host: '127.0.0.1', port }, 'again')) || undefined,
    );
    expect(said).toBe('port 8080: again\n');
    second.interrupt();
    expect(await second.ended).toMatchObject({ exitCode: 0 });
    expect(await say({ host: '127.0.0.1', port }, 'again')).toBe('');
  });

  test('leads nowhere else, though something listens there', async () => {
    for (const destination of ['127.0.0.1:9090', '127.0.0.1:22', '10.0.2.2:8080', 'localhost:8080']) {
      const refused = await burnbag(place, ['tunnel', runId, destination, '--json']);
      expect(refused.exitCode).not.toBe(0);
      expect(parseDocument(refused)).toMatchObject({ code: 'refused_by_policy' });
    }
  });

  test('ends when the run is cancelled, with the connection that is open in it; every connection is in the evidence', async () => {
    const open = connect({ path: socket });
    const closed = new Promise((resolve) => open.on('error', () => undefined).on('close', resolve));
    await eventually('the open connection', async () => ((await transcript()).length >= 4 ? true : undefined));
    await burnbag(place, ['cancel', runId]);
    await closed;
    await running.ended;
    await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
    const events = await transcript();
    const opened = events.filter(({ event }) => event === 'tunnel_opened');
    expect(events.filter(({ event }) => event === 'tunnel_closed')).toHaveLength(opened.length);
    expect(
      opened.every(({ opened_by, destination }) => /@/.test(String(opened_by)) && destination === '127.0.0.1:8080'),
    ).toBe(true);
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'tunnel_closed', bytes_in: 6, bytes_out: 17, reason: 'closed' }),
    );
    expect(events).toContainEqual(expect.objectContaining({ event: 'tunnel_closed', reason: 'session_over' }));
  });

  test('its socket is proven gone, and the evidence verifies', async () => {
    const receipt = await readFile(join(place.home, 'runs', runId, 'receipt.json'), 'utf8');
    expect(receipt).toContain(socket);
    const verified = await burnbag(place, ['verify', runId, '--json']);
    expect(verified.exitCode).toBe(0);
    const sshd = await readFile(join(place.home, 'runs', runId, 'sshd.log'), 'utf8');
    expect(sshd).toMatch(/server_request_direct_tcpip.*target 127\.0\.0\.1 port 8080/);
  });
});

async function transcript(): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(place.home, 'runs', runId, 'relay.ndjson'), 'utf8');
  const lines = text.split('\n').slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => String(event).startsWith('tunnel'));
}
