import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startLocalArchive } from '../../orchestrator/evidence/index.ts';
import { temporaryHome, VERSITYGW } from '../support/archive.ts';

test('serves one folder, with credentials of its own, and leaves nothing but the archive', async () => {
  await using here = await temporaryHome();
  const server = await startLocalArchive({ home: here.home, binary: VERSITYGW });
  expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(((await stat(join(here.home, 'archive', 'credentials.json'))).mode & 0o777).toString(8)).toBe('600');
  expect(isAlive(server.pid)).toBe(true);
  await server.stop();
  await server.stop();
  expect(isAlive(server.pid)).toBe(false);
  expect((await readdir(join(here.home, 'archive'))).sort()).toEqual(['credentials.json', 'data', 'versions']);
  await using again = await startLocalArchive({ home: here.home, binary: VERSITYGW });
  expect(again).toMatchObject({ credentials: server.credentials, store: server.store });
});

test('gets no secret into its arguments, nor anything of our environment', async () => {
  await using here = await temporaryHome();
  await using server = await startLocalArchive({ home: here.home, binary: VERSITYGW });
  const [args, env] = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${server.pid}/${name}`, 'latin1'));
  expect(args).not.toContain(server.credentials.secretAccessKey);
  expect(env?.split('\0').map((entry) => entry.split('=')[0])).toEqual([
    'ROOT_ACCESS_KEY_ID',
    'ROOT_SECRET_ACCESS_KEY',
    '',
  ]);
});

test('refuses a folder that is served already; a claim of the dead does not count', async () => {
  await using here = await temporaryHome();
  const claim = join(here.home, 'archive', 'server.json');
  await mkdir(join(here.home, 'archive'));
  await writeFile(claim, JSON.stringify({ owner: { pid: 1, started: '0', boot_id: 'another' }, server: null }));
  await using server = await startLocalArchive({ home: here.home, binary: VERSITYGW });
  await expect(startLocalArchive({ home: here.home, binary: VERSITYGW })).rejects.toMatchObject({
    code: 'server_busy',
  });
  expect(isAlive(server.pid)).toBe(true);
  expect(existsSync(claim)).toBe(true);
});

test('dies with its owner, however that dies', async () => {
  await using here = await temporaryHome();
  const module = join(import.meta.dirname, '..', '..', 'orchestrator', 'evidence', 'index.ts');
  const script = `
    const { startLocalArchive } = await import(${JSON.stringify(module)});
    const server = await startLocalArchive(${JSON.stringify({ home: here.home, binary: VERSITYGW })});
    process.stdout.write(String(server.pid), () => process.kill(process.pid, 'SIGKILL'));`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  let said = '';
  owner.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code, signal] = (await once(owner, 'close')) as [number | null, string | null];
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  await expect.poll(() => isAlive(Number(said)), { timeout: 2_000, interval: 10 }).toBe(false);
});

test('says clearly what is missing or unfit', async () => {
  await using here = await temporaryHome();
  const { home } = here;
  await expect(startLocalArchive({ home })).rejects.toMatchObject({ code: 'server_missing' });
  await expect(startLocalArchive({ home, binary: '/nowhere/versitygw' })).rejects.toMatchObject({
    code: 'server_missing',
  });
  await expect(startLocalArchive({ home, binary: '/usr/bin/false' })).rejects.toMatchObject({ code: 'server_failed' });
  const credentials = join(home, 'archive', 'credentials.json');
  await chmod(credentials, 0o644);
  await expect(startLocalArchive({ home, binary: VERSITYGW })).rejects.toMatchObject({ code: 'denied' });
  await chmod(credentials, 0o600);
  await writeFile(credentials, '{}');
  await expect(startLocalArchive({ home, binary: VERSITYGW })).rejects.toMatchObject({ code: 'denied' });
  await writeFile(join(home, 'file'), '');
  await expect(startLocalArchive({ home: join(home, 'file'), binary: VERSITYGW })).rejects.toMatchObject({
    code: 'storage_unfit',
  });
  expect(existsSync(join(home, 'archive', 'server.json'))).toBe(false);
});

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
