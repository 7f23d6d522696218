import { Client, utils } from 'ssh2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ActionRequest } from '../../executor/protocol/index.ts';
import { openRelay, RelayError, type RelayOptions, type Session } from '../../orchestrator/relay/index.ts';
import { startHostile, type Hostile } from '../support/hostile/hostile.ts';
import { forgeLogin, memorySigner, TASK_ID } from '../support/login.ts';

/** Whatever the other side does: a code of ours, in time, and memory as before. */
let hostile: Hostile;

beforeAll(async () => {
  hostile = await startHostile();
});
afterEach(async () => {
  await expect.poll(() => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')).toEqual([]);
});
afterAll(async () => {
  await hostile[Symbol.asyncDispose]();
});

const request: ActionRequest = { id: 1, task_id: TASK_ID, action: 'check_health', args: {} };
const SHORT = { connectMs: 300, handshakeMs: 300, closeMs: 300 };
const LONG = { connectMs: 5_000, handshakeMs: 5_000, closeMs: 5_000 };

test.each([
  { way: 'hangs-up', code: 'unreachable', retryable: true, deadlines: LONG },
  { way: 'silent', code: 'handshake_timeout', retryable: true, deadlines: SHORT },
  { way: 'not-ssh', code: 'handshake_timeout', retryable: true, deadlines: SHORT },
  { way: 'endless-banner', code: 'protocol_violation', retryable: false, deadlines: LONG },
  { way: 'endless-line', code: 'protocol_violation', retryable: false, deadlines: LONG },
  { way: 'old-algorithms', code: 'protocol_violation', retryable: false, deadlines: LONG },
  { way: 'no-strict-kex', code: 'protocol_violation', retryable: false, deadlines: LONG },
  { way: 'refuses', code: 'refused', retryable: false, deadlines: LONG },
  { way: 'never-authenticates', code: 'handshake_timeout', retryable: true, deadlines: SHORT },
  { way: 'never-opens', code: 'handshake_timeout', retryable: true, deadlines: SHORT },
  { way: 'never-runs', code: 'handshake_timeout', retryable: true, deadlines: SHORT },
  { way: 'refuses-exec', code: 'refused', retryable: false, deadlines: LONG },
])('a server that $way while opening: $code', async ({ way, code, retryable, deadlines }) => {
  await expectFlatMemory(async () => {
    await expect(open(way, { deadlines })).rejects.toMatchObject({ code, retryable });
  });
});

test('nobody there: unreachable', async () => {
  const port = hostile.port('silent');
  await expect(open('silent', { address: { host: '127.0.0.1', port: port === 1 ? 2 : 1 } })).rejects.toMatchObject({
    code: 'unreachable',
    retryable: true,
  });
  await expect(open('silent', { address: { path: '/nowhere/sshd.sock' } })).rejects.toMatchObject({
    code: 'unreachable',
  });
});

test('a changed host key: not one byte of ours is shown', async () => {
  const error = await open('never-answers', { hostKey: memorySigner().publicKeyLine }).catch(
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ code: 'host_key_mismatch', retryable: false, got: hostile.hostKey });
});

test.each([
  { way: 'never-answers', code: 'action_timeout', reason: 'action_timeout', timeoutMs: 200 },
  { way: 'drips', code: 'action_timeout', reason: 'action_timeout', timeoutMs: 200 },
  { way: 'endless-stderr', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'ignores-windows', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'pings', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'endless-answer', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'refuses-session', code: 'refused', reason: 'refused' },
  { way: 'wrong-id', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'wrong-action', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'unknown-field', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'not-json', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'not-utf8', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'deep', code: 'protocol_violation', reason: 'protocol_violation' },
  { way: 'dies', code: 'closed', reason: 'connection_lost' },
  { way: 'exits', code: 'closed', reason: 'executor_exited' },
])('an executor that $way: $code', async ({ way, code, reason, timeoutMs = 5_000 }) => {
  await expectFlatMemory(async () => {
    const session = await open(way);
    const error: unknown = await ask(session, timeoutMs);
    expect(error).toMatchObject({ code, retryable: false });
    expect(String(error)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(await session.ended).toMatchObject({ reason });
    expect(await ask(session, timeoutMs)).toMatchObject({ code });
    expect(await session.close()).toMatchObject({ reason });
  });
});

test.each(['talks-unasked', 'pings'])(
  'an executor that %s while nothing is asked: the session is over',
  async (way) => {
    const session = await open(way);
    expect(await session.ended).toMatchObject({ reason: 'protocol_violation' });
  },
);

test('an answer with a second one behind it counts, and the session is over', async () => {
  const session = await open('two-answers');
  expect(await session.request(request, { timeoutMs: 5_000 })).toMatchObject({ id: 1, status: 'ok' });
  expect(await session.ended).toMatchObject({ reason: 'protocol_violation' });
});

test('an executor that outlives its input is left behind in time', async () => {
  const session = await open('outlives-input', { deadlines: { closeMs: SHORT.closeMs } });
  expect(await session.close()).toMatchObject({ reason: 'close_timeout', exitCode: null });
});

test('an abort ends the request in flight, and with it the session', async () => {
  const session = await open('never-answers');
  const abort = new AbortController();
  const asked = session.request(request, { timeoutMs: 5_000, signal: abort.signal });
  setTimeout(() => {
    abort.abort();
  }, 50);
  await expect(asked).rejects.toMatchObject({ code: 'closed' });
  expect(await session.ended).toMatchObject({ reason: 'cancelled' });
});

test('an abort ends an opening that hangs', async () => {
  await expect(open('never-authenticates', { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
    code: 'closed',
  });
});

test('one session that is flooded does not touch another', async () => {
  const [quiet, flooded] = await Promise.all([open('never-answers'), open('endless-stderr')]);
  const [quietly] = await Promise.all([ask(quiet, 300), ask(flooded, 5_000)]);
  expect(quietly).toMatchObject({ code: 'action_timeout' });
});

test('control: a client that keeps what it is told, as one does to show it, is filled', async () => {
  const [told, client]: [Buffer[], Client] = [[], new Client()];
  client.once('ready', () => {
    client.exec('agent-exec', (_, channel) => channel.stderr.on('data', (chunk: Buffer) => told.push(chunk)));
  });
  const privateKey = utils.generateKeyPairSync('ed25519').private;
  client.connect({ host: '127.0.0.1', port: hostile.port('endless-stderr'), username: 'agent-runner', privateKey });
  const bytes = () => told.reduce((sum, { length }) => sum + length, 0);
  await expect.poll(bytes, { timeout: 30_000 }).toBeGreaterThan(MEMORY_MAX_BYTES);
  client.destroy();
}, 40_000);

async function open(way: string, options: Partial<RelayOptions> = {}): Promise<Session> {
  const { privateKey, certificateLine: certificate } = await forgeLogin(memorySigner());
  const address = { host: '127.0.0.1', port: hostile.port(way) };
  return openRelay({ address, hostKey: hostile.hostKey, privateKey, certificate, deadlines: LONG, ...options });
}

async function ask(session: Session, timeoutMs: number): Promise<unknown> {
  return session.request(request, { timeoutMs }).catch((error: unknown) => {
    expect(error).toBeInstanceOf(RelayError);
    return error;
  });
}

/** Growth that one session may cost at its peak: a line and a stderr at their limits, in the forms they pass through. */
const MEMORY_MAX_BYTES = 64 * 1024 * 1024;

async function expectFlatMemory(during: () => Promise<void>): Promise<void> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 5);
  try {
    await during();
  } finally {
    clearInterval(timer);
  }
  expect(peak - before).toBeLessThan(MEMORY_MAX_BYTES);
}
