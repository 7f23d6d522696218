import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createScratchDisk, diskBytes } from './disk.ts';
import { makeMemoryFile } from './memory-file.ts';

const run = promisify(execFile);
const CANARY = 'burnbag-canary-8f31c2';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-scratch-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** As QEMU opens it: the luks driver, the passphrase from a file. */
async function openedWith(passphrase: string, path: string): Promise<readonly string[]> {
  await writeFile(join(folder, 'key'), passphrase, { mode: 0o600 });
  return [
    '--object',
    `secret,id=key,file=${join(folder, 'key')}`,
    '--image-opts',
    `driver=luks,key-secret=key,file.filename=${path}`,
  ];
}

test('QEMU opens the disk with its key, and nothing written through it can be read in the file', async () => {
  const disk = join(folder, 'scratch.img');
  const passphrase = await createScratchDisk(disk, 16);
  expect((await stat(disk)).size).toBe(diskBytes(16));
  expect((await stat(disk)).blocks * 512).toBeLessThan(1024 * 1024);
  const options = await openedWith(passphrase, disk);
  await writeFile(join(folder, 'plain'), CANARY.padEnd(512, '.'));
  await run('qemu-io', [...options, '-c', `write -s ${join(folder, 'plain')} 1M 512`]);
  const { stdout } = await run('qemu-io', [...options, '-c', 'read -v 1M 512']);
  expect(stdout).toContain('burnbag.canary.8');
  expect((await readFile(disk)).includes(CANARY)).toBe(false);
});

test('another key does not open it', async () => {
  const disk = join(folder, 'scratch.img');
  const passphrase = await createScratchDisk(disk, 16);
  const wrong = `${passphrase.startsWith('A') ? 'B' : 'A'}${passphrase.slice(1)}`;
  await expect(run('qemu-io', [...(await openedWith(wrong, disk)), '-c', 'read 0 512'])).rejects.toThrow(
    /Invalid password/,
  );
});

test('two disks have two keys, and an existing file is never overwritten', async () => {
  const disk = join(folder, 'scratch.img');
  expect(await createScratchDisk(disk, 16)).not.toBe(await createScratchDisk(join(folder, 'other.img'), 16));
  await expect(createScratchDisk(disk, 16)).rejects.toMatchObject({ code: 'EEXIST' });
});

test('a disk that cannot fit is refused before anything is made', async () => {
  const disk = join(folder, 'scratch.img');
  await expect(createScratchDisk(disk, 2 ** 40)).rejects.toMatchObject({ code: 'no_space' });
  await expect(stat(disk)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a child reads a secret from memory by its descriptor, until it is burnt', async () => {
  const secret = await makeMemoryFile(CANARY, undefined);
  const code = `process.stdin.on('end', () => process.stdout.write(require('node:fs').readFileSync('/proc/self/fd/3'))).resume()`;
  const start = (): ReturnType<typeof spawn> =>
    spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit', secret.fd] });
  const read = async ({ stdin, stdout }: ReturnType<typeof spawn>): Promise<string> => {
    if (stdin === null || stdout === null) throw new Error('expected pipes');
    stdin.end();
    return (await buffer(stdout)).toString();
  };
  expect(await read(start())).toBe(CANARY);
  const holder = start();
  await secret.burn();
  await secret.burn();
  expect(await read(holder)).toBe('');
});
