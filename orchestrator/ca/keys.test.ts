import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mintRequest, temporaryCa } from '../../test/support/login.ts';
import { KeyFileError } from '../key-file.ts';
import { CaError } from './errors.ts';
import { openFileSigner } from './file-signer.ts';
import { openCa } from './open-ca.ts';
import { openSerialList } from './serial-list.ts';

const run = promisify(execFile);
let folder = '';
const inFolder = (name: string) => path.join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'burnbag-keys-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('the key is made once, for this user only, and nothing else is left', async () => {
  const signers = await Promise.all(Array.from({ length: 8 }, () => openFileSigner(inFolder('ca.pem'))));
  expect(new Set(signers.map(({ publicKeyLine }) => publicKeyLine)).size).toBe(1);
  expect((await stat(inFolder('ca.pem'))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['ca.pem']);
  expect((await openFileSigner(inFolder('ca.pem'))).publicKeyLine).toBe(signers[0]?.publicKeyLine);
});

test.each([0o640, 0o604, 0o620, 0o660])('a key file of mode %o is refused', async (mode) => {
  await openFileSigner(inFolder('ca.pem'));
  await chmod(inFolder('ca.pem'), mode);
  expect(await codeOf(openFileSigner(inFolder('ca.pem')))).toBe('key_file_exposed');
});

test('a key file that is a link is refused', async () => {
  await openFileSigner(inFolder('elsewhere.pem'));
  await symlink(inFolder('elsewhere.pem'), inFolder('ca.pem'));
  expect(await codeOf(openFileSigner(inFolder('ca.pem')))).toBe('key_file_unusable');
});

test.each(['', 'not a key', '-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n'])(
  'a key file with other content is refused and not quoted: %j',
  async (content) => {
    await writeFile(inFolder('ca.pem'), content, { mode: 0o600 });
    const error: unknown = await openFileSigner(inFolder('ca.pem')).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'key_file_invalid' });
    expect(error).not.toHaveProperty('cause');
    if (content !== '') expect(String(error)).not.toContain(content);
  },
);

test('a folder that cannot be made is said', async () => {
  await writeFile(inFolder('file'), '');
  expect(await codeOf(openFileSigner(inFolder('file/ca.pem')))).toBe('key_file_unusable');
});

test('the list of revoked serials is a KRL specification that ssh-keygen takes', async () => {
  await using ca = await temporaryCa();
  const [kept, revoked] = [await ca.mint(mintRequest()), await ca.mint(mintRequest())];
  await ca.revoke(revoked.serial, 'cancelled\nserial: 1');
  expect(await ca.revoked()).toEqual(new Set([revoked.serial]));
  await writeFile(inFolder('ca.pub'), ca.publicKeyLine);
  await writeFile(inFolder('kept.pub'), kept.certificateLine);
  await writeFile(inFolder('revoked.pub'), revoked.certificateLine);
  await run(
    'ssh-keygen',
    ['-k', '-q', '-f', inFolder('krl'), '-s', inFolder('ca.pub'), path.join(ca.home, 'keys/revoked')],
    { timeout: 5_000 },
  );
  const isRevoked = (name: string) =>
    run('ssh-keygen', ['-Q', '-f', inFolder('krl'), inFolder(name)], { timeout: 5_000 }).then(
      () => false,
      () => true,
    );
  expect([await isRevoked('kept.pub'), await isRevoked('revoked.pub')]).toEqual([false, true]);
});

test('a certificate has one connection: of several that take it at once, and of those that come later, one gets it', async () => {
  await using ca = await temporaryCa();
  const { serial } = await ca.mint(mintRequest());
  const takers = Array.from({ length: 8 }, () => codeOf(ca.spend(serial, 'run x logs in')));
  const got = await Promise.all(takers);
  expect(got.filter((code) => code === 'ok')).toHaveLength(1);
  expect(got.filter((code) => code === 'already_used')).toHaveLength(7);
  const reopened = await openCa({ home: ca.home });
  expect(await codeOf(reopened.spend(serial, 'again'))).toBe('already_used');
  expect(await ca.revoked()).toEqual(new Set());
});

test.each(['0', '-1', '1 ', '1\nserial: 2', '99999999999999999999999', 'x'])(
  '%j is no serial for a list',
  async (serial) => {
    expect(await codeOf(openSerialList(inFolder('revoked')).add(serial, 'test'))).toBe('serial_list');
  },
);

test('a list that somebody wrote other lines into is refused', async () => {
  await writeFile(inFolder('revoked'), 'serial: 1\nserial: 2-9\n');
  expect(await codeOf(openSerialList(inFolder('revoked')).list())).toBe('serial_list');
  expect(await readFile(inFolder('revoked'), 'utf8')).toContain('2-9');
});

async function codeOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => 'ok',
    (error: unknown) => (error instanceof CaError || error instanceof KeyFileError ? error.code : error),
  );
}
