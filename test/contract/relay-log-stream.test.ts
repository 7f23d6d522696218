import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GuestLog } from '../../orchestrator/relay/log-stream.ts';
import { openLogStream } from '../../orchestrator/relay/index.ts';
import { type LogServer, startLogServer } from '../support/log-server.ts';

/*
 * Logs of machines that have no other way out than their one network connection, copied out by a real sshd while they are written. The forced
 * command stands in for the image's, and for a guest whose root writes without end.
 */
const SERVER = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
  audit) printf 'one\\n'; sleep 0.2; printf 'two\\n' ;;
  exec) exec yes 'a record that nobody needs' ;;
esac
`;
const MAX_BYTES = 1024 * 1024;
let server: LogServer;
beforeAll(async () => {
  server = await startLogServer(SERVER);
});
afterAll(() => server[Symbol.asyncDispose]());

async function copy(log: GuestLog, maxBytes?: number) {
  const file = join(server.folder, `${log}-${String(maxBytes)}`);
  const stream = await openLogStream({
    ...(await server.login()),
    ...{ log, file, onRecord: () => undefined },
    ...(maxBytes !== undefined && { maxBytes }),
  });
  return { file, stream };
}

test('a log is copied as it is written, and the copying ends with it', async () => {
  const { file, stream } = await copy('audit');
  await stream.ended;
  expect(await readFile(file, 'utf8')).toBe('one\ntwo\n');
  await stream.close();
});

test('a log without end takes no more of this host than it may, and the copying ends', async () => {
  const { file, stream } = await copy('exec', MAX_BYTES);
  await stream.ended;
  expect((await stat(file)).size).toBe(MAX_BYTES);
  await stream.close();
  await expect.poll(async () => (await server.sshd.processes()).length).toBe(1);
});

test('control: where it may take more, it does', async () => {
  const { file, stream } = await copy('exec', 8 * MAX_BYTES);
  await stream.ended;
  expect((await stat(file)).size).toBe(8 * MAX_BYTES);
});
