import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ActionRequest } from '../../executor/protocol/index.ts';
import { openRelay, type RelayOptions, type TranscriptRecord } from '../../orchestrator/relay/index.ts';
import { forgeLogin, MACHINE_ID, memorySigner, TASK_ID } from '../support/login.ts';
import { HONEST_EXECUTOR, startSshd, type TestSshd } from '../support/sshd.ts';
import type { CertificateBody } from '../../orchestrator/ca/certificate.ts';

/** One session over a real sshd: order, deadlines, and every way to its end. */
const signer = memorySigner();
let sshd: TestSshd;

beforeAll(async () => {
  sshd = await startSshd({
    caPublicKey: signer.publicKeyLine,
    principals: [`sandbox-${MACHINE_ID}`],
    forceCommand: HONEST_EXECUTOR,
  });
});
afterEach(async () => {
  await expect.poll(openSockets).toBe(0);
  await expect.poll(async () => (await sshd.processes()).length).toBe(1);
});
afterAll(async () => {
  await sshd.stop();
});

const health = (id: number): ActionRequest => ({ id, task_id: TASK_ID, action: 'check_health', args: {} });
const patient = { timeoutMs: 5_000 };

test('requests that are made at once are answered one after the other, each its own', async () => {
  const session = await open();
  const answers = await Promise.all([1, 2, 3].map((id) => session.request(health(id), patient)));
  expect(answers.map(({ id }) => id)).toEqual([1, 2, 3]);
  await session.close();
});

test('the transcript has every line in both directions, numbered, and why it ended', async () => {
  const records: TranscriptRecord[] = [];
  const session = await open({ onRecord: (record) => records.push(record) });
  await session.request(health(1), patient);
  const end = await session.close();
  expect(records.map(({ seq, event }) => `${seq} ${event}`)).toEqual([
    '1 connected',
    '2 request',
    '3 answer',
    '4 ended',
  ]);
  expect(records[0]).toMatchObject({ host_key: sshd.hostKey, serial: '42', key_id: 'forged' });
  expect(records[1]).toMatchObject({ line: JSON.stringify(health(1)) });
  const [, request, answer, ended] = records;
  const bytes = (record?: TranscriptRecord) => (record !== undefined && 'bytes' in record ? record.bytes + 1 : 0);
  expect(end).toMatchObject({ reason: 'closed', exitCode: 0, bytesSent: bytes(request), bytesReceived: bytes(answer) });
  expect(ended).toMatchObject({ reason: 'closed', exit_code: 0, error_code: null });
});

test('nothing is sent when the transcript cannot be kept', async () => {
  const session = await open({
    onRecord: ({ event }) => {
      if (event === 'request') throw new Error('disk full');
    },
  });
  await expect(session.request(health(1), patient)).rejects.toMatchObject({ code: 'closed' });
  expect(await session.ended).toMatchObject({ reason: 'transcript_failed', bytesSent: 0 });
});

test('closing waits for the request in flight, refuses later ones, and can be done twice', async () => {
  const session = await open();
  const asked = session.request(health(1), patient);
  const [end, again] = [session.close(), session.close()];
  await expect(session.request(health(2), patient)).rejects.toMatchObject({ code: 'closed', retryable: false });
  expect(await asked).toMatchObject({ id: 1, status: 'ok' });
  expect(await end).toEqual(await again);
});

test('the session ends with its certificate, which sshd would not see to', async () => {
  const validBefore = Math.floor(Date.now() / 1000) + 3;
  const session = await open({}, { validBefore });
  await session.request(health(1), patient);
  expect(await session.ended).toMatchObject({ reason: 'expired', error: { code: 'certificate_expired' } });
  expect(Date.now() - validBefore * 1000).toBeGreaterThanOrEqual(-2);
  expect(Date.now() - validBefore * 1000).toBeLessThan(1_000);
  await expect(session.request(health(2), patient)).rejects.toMatchObject({ code: 'certificate_expired' });
  await session.close();
});

test('an aborted session is over at once', async () => {
  const abort = new AbortController();
  const session = await open({ signal: abort.signal });
  abort.abort(new Error('operator'));
  expect(await session.ended).toMatchObject({ reason: 'cancelled', error: { code: 'closed' } });
  await expect(session.request(health(1), patient)).rejects.toMatchObject({ code: 'closed' });
});

test('an aborted request that was not sent leaves the session as it was', async () => {
  const session = await open();
  const signal = AbortSignal.abort();
  await expect(session.request(health(1), { ...patient, signal })).rejects.toMatchObject({ code: 'closed' });
  expect(await session.request(health(2), patient)).toMatchObject({ id: 2, status: 'ok' });
  await session.close();
});

test('an opening that is aborted leaves nothing', async () => {
  await expect(open({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'closed' });
});

test('a request over the line limit is refused here and never sent', async () => {
  const session = await open();
  const request: ActionRequest = {
    id: 1,
    task_id: TASK_ID,
    action: 'put_file',
    args: { path: '/work/in/x', content_base64: 'A'.repeat(7 * 1024 * 1024), sha256: '0'.repeat(64) },
  };
  await expect(session.request(request, patient)).rejects.toMatchObject({ code: 'refused' });
  expect(await session.close()).toMatchObject({ reason: 'closed', bytesSent: 0 });
});

test('a request close to the line limit crosses in one piece', async () => {
  const session = await open();
  const request: ActionRequest = {
    id: 1,
    task_id: TASK_ID,
    action: 'put_file',
    args: { path: '/work/in/x', content_base64: 'A'.repeat(5 * 1024 * 1024), sha256: '0'.repeat(64) },
  };
  // The stand-in answers everything as check_health, and that is no answer to put_file.
  await expect(session.request(request, patient)).rejects.toMatchObject({ code: 'protocol_violation' });
  expect((await session.ended).bytesSent).toBeGreaterThan(5 * 1024 * 1024);
});

test('a request on an open session takes milliseconds, not a handshake', async () => {
  const session = await open();
  await session.request(health(1), patient);
  const started = performance.now();
  for (let id = 2; id < 102; id += 1) await session.request(health(id), patient);
  const each = (performance.now() - started) / 100;
  await session.close();
  expect(each).toBeLessThan(50);
});

async function open(options: Partial<RelayOptions> = {}, certificate: Partial<CertificateBody> = {}) {
  const { privateKey, certificateLine } = await forgeLogin(signer, certificate);
  const address = { host: '127.0.0.1', port: sshd.port };
  return openRelay({
    address,
    hostKey: sshd.hostKey,
    username: sshd.username,
    privateKey,
    certificate: certificateLine,
    ...options,
  });
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}
