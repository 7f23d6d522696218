import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GuestLog } from '../../orchestrator/relay/log-stream.ts';
import { openLogStream } from '../../orchestrator/relay/index.ts';
import { forgeLogin, MACHINE_ID, memorySigner } from '../support/login.ts';
import { startSshd, type TestSshd } from '../support/sshd.ts';

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
const signer = memorySigner();
let folder: string;
let sshd: TestSshd;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-stream-'));
  const forceCommand = join(folder, 'server');
  await writeFile(forceCommand, SERVER);
  await chmod(forceCommand, 0o755);
  sshd = await startSshd({ caPublicKey: signer.publicKeyLine, principals: [`audit-${MACHINE_ID}`], forceCommand });
});
afterAll(async () => {
  await sshd.stop();
  await rm(folder, { recursive: true, force: true });
});

async function copy(log: GuestLog, maxBytes?: number) {
  const { privateKey, certificateLine: certificate } = await forgeLogin(signer, {
    principals: [`audit-${MACHINE_ID}`],
  });
  const file = join(folder, `${log}-${String(maxBytes)}`);
  const stream = await openLogStream({
    ...{ address: { host: '127.0.0.1', port: sshd.port }, hostKey: sshd.hostKey, username: sshd.username },
    ...{ privateKey, certificate, log, file, onRecord: () => undefined },
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
  await expect.poll(async () => (await sshd.processes()).length).toBe(1);
});

test('control: where it may take more, it does', async () => {
  const { file, stream } = await copy('exec', 8 * MAX_BYTES);
  await stream.ended;
  expect((await stat(file)).size).toBe(8 * MAX_BYTES);
});
