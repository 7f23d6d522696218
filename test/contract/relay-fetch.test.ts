import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchLog, type FetchOptions, type TranscriptRecord } from '../../orchestrator/relay/index.ts';
import { sha256 } from '../support/arrivals.ts';
import { type LogServer, startLogServer } from '../support/log-server.ts';
import { forgeLogin } from '../support/login.ts';
import { startSshd } from '../support/sshd.ts';

/*
 * Copying a log out over a real sshd. The forced command stands in for the image's (images/guest/usr/local/bin/audit-stream): what it is asked for
 * decides what it does.
 */
const SERVER = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
  audit-file) printf 'one\\ntwo\\n' ;;
  sshd-file) printf half; exit 3 ;;
  exec-file) printf 'begun\\n'; exec sleep 30 ;;
  *) echo unknown; exit 64 ;;
esac
`;
let server: LogServer;
beforeAll(async () => {
  server = await startLogServer(SERVER);
});
afterAll(() => server[Symbol.asyncDispose]());

/** Fetches, and keeps the transcript. */
async function fetched(changes: Partial<FetchOptions> = {}) {
  const records: TranscriptRecord[] = [];
  const { reason, content } = await fetchLog({
    ...(await server.login()),
    log: 'audit',
    onRecord: (record) => void records.push(record),
    ...changes,
  });
  return { reason, text: content.toString(), records };
}

test('a log is copied whole, and the transcript says what came over which login', async () => {
  const { reason, text, records } = await fetched();
  expect([reason, text]).toEqual(['complete', 'one\ntwo\n']);
  expect(records).toMatchObject([
    { seq: 1, event: 'log_connected', log: 'audit', serial: '42' },
    { seq: 2, event: 'log_fetched', log: 'audit', reason: 'complete', bytes: 8, sha256: sha256('one\ntwo\n') },
  ]);
});

test.each([
  ['whose server fails is not called complete', 'failed', 'half', { log: 'sshd' }],
  ['that is longer than is taken is cut, and not called complete', 'too_long', 'one\n', { maxBytes: 4 }],
  ['that does not end is given up on', 'timeout', 'begun\n', { log: 'exec', deadlines: { fetchMs: 1_500 } }],
] as const)('a log %s', async (_what, expected, begins, changes) => {
  const { reason, text, records } = await fetched(changes);
  // A busy machine may not have come to its first word when it is given up on.
  expect([reason, text === '' && reason === 'timeout' ? begins : text]).toEqual([expected, begins]);
  expect(records.at(-1)).toMatchObject({ event: 'log_fetched', reason: expected, bytes: text.length });
  await expect.poll(async () => (await server.sshd.processes()).length).toBe(1);
});

test('another host key, another principal, a transcript that cannot be kept: nothing is fetched', async () => {
  const other = await startSshd({
    caPublicKey: server.signer.publicKeyLine,
    principals: ['x'],
    forceCommand: '/bin/true',
  });
  try {
    await expect(fetched({ hostKey: other.hostKey })).rejects.toMatchObject({ code: 'host_key_mismatch' });
  } finally {
    await other.stop();
  }
  const task = await forgeLogin(server.signer);
  const asTask = { privateKey: task.privateKey, certificate: task.certificateLine };
  await expect(fetched(asTask)).rejects.toMatchObject({ code: 'refused' });
  const full = () => {
    throw new Error('disk full');
  };
  await expect(fetched({ onRecord: full })).rejects.toThrow('disk full');
  await expect.poll(async () => (await server.sshd.processes()).length).toBe(1);
});
