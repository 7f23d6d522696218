import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPostgres } from '../../orchestrator/run/journal/postgres-for-tests.ts';
import { temporaryHome } from '../support/archive.ts';
import { journalText, squashContents } from '../support/canary/contents.ts';
import { inDeletedFiles, inProcesses } from '../support/canary/processes.ts';
import { memoryOf, Search } from '../support/canary/search.ts';

/* The control of canaries.test.ts: a canary that is planted where that test looks is found there, in each form it may have got out in. */
const CANARY = randomBytes(32);
const TEXT = randomBytes(24).toString('base64url');
const search = new Search({ canary: CANARY, text: Buffer.from(TEXT) });

let folder: string;
let home: Awaited<ReturnType<typeof temporaryHome>>;
beforeAll(async () => {
  home = await temporaryHome();
  folder = home.home;
});
afterAll(() => home[Symbol.asyncDispose]());

describe('a canary', () => {
  const nodeJson = JSON.stringify(CANARY);
  test.each([
    ['raw', CANARY],
    ['in hex', CANARY.toString('hex')],
    ['in capital hex', CANARY.toString('hex').toUpperCase()],
    ['in base64', CANARY.toString('base64')],
    ['in base64url', CANARY.toString('base64url')],
    ['in base64 behind one byte', Buffer.concat([Buffer.from('x'), CANARY]).toString('base64')],
    ['in base64 behind two bytes', Buffer.concat([Buffer.from('xy'), CANARY, Buffer.from('z')]).toString('base64')],
    ['as Node writes bytes into JSON', nodeJson],
  ])('is found %s, and not when one byte of it is another', (_form, bytes) => {
    const around = (one: Buffer | string) => Buffer.concat([randomBytes(999), Buffer.from(one), randomBytes(99)]);
    expect([...search.in(around(bytes))]).toEqual(['canary']);
    const changed = Buffer.from(bytes);
    const middle = changed.length >> 1;
    changed.write(changed.toString('latin1', middle, middle + 1) === '1' ? '2' : '1', middle, 'latin1');
    expect([...search.in(around(changed))]).toEqual([]);
  });

  test('is found where two pieces of a stream meet', async () => {
    const pieces = [randomBytes(100), CANARY.subarray(0, 5), CANARY.subarray(5, 20), CANARY.subarray(20)];
    const stream = (async function* () {
      await Promise.resolve();
      yield* pieces;
    })();
    expect([...(await search.inStream(stream))]).toEqual(['canary']);
  });
});

describe('planted', () => {
  test.each(['state/.pulumi/stacks/x.json', 'runs/0/console.log', 'archive/data/bucket/object', 'live/0/scratch.img'])(
    'in %s it is found',
    async (path) => {
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), Buffer.concat([randomBytes(5_000_000), Buffer.from(CANARY.toString('hex'))]));
      expect(await search.inFolder(folder)).toEqual([{ secret: 'canary', where: path }]);
      await rm(join(folder, path));
    },
  );

  test('in shared memory it is found', async () => {
    const shared = await mkdtemp('/dev/shm/burnbag-canary-');
    await writeFile(join(shared, 'x'), CANARY);
    const found = await search.inFolder('/dev/shm', (path) => Promise.resolve(path.startsWith(shared)));
    expect(found).toEqual([{ secret: 'canary', where: join(shared, 'x').slice('/dev/shm/'.length) }]);
    await rm(shared, { recursive: true });
  });

  test('in a file without a name it is found', async () => {
    const since = Date.now() - 1_000;
    await using file = await open(join(folder, 'gone'), 'w+');
    await file.write(CANARY);
    await rm(join(folder, 'gone'));
    expect(await inDeletedFiles(search, since)).toEqual([
      { secret: 'canary', where: expect.stringContaining(`${join(folder, 'gone')} (deleted)`) as string },
    ]);
  });

  test('in an argument, an environment or memory of a process it is found', async () => {
    const child = spawn('/bin/sh', ['-c', 'echo; read line', TEXT], { env: { A: `x${TEXT}` }, stdio: 'pipe' });
    await once(child.stdout, 'data');
    const { pid = 0 } = child;
    expect((await inProcesses(search, [pid])).map(({ where }) => where.replace(/^\S+ /, ''))).toEqual([
      'environ',
      'cmdline',
    ]);
    expect([...(await search.inStream(memoryOf(pid)))]).toEqual(['text']);
    child.kill('SIGKILL');
    await once(child, 'close');
  });

  test('in an image it is found', async () => {
    await mkdir(join(folder, 'root/etc'), { recursive: true });
    await writeFile(join(folder, 'root/etc/key.pem'), CANARY.toString('base64'));
    await writeFile(join(folder, 'root/large'), Buffer.alloc(1_000_000, 'text that compresses well '));
    const image = join(folder, 'root.img');
    await promisify(execFile)('mksquashfs', [join(folder, 'root'), image, '-quiet', '-no-progress'], {
      timeout: 30_000,
    });
    for await (const stream of squashContents(image, folder))
      expect([...(await search.inStream(stream))]).toEqual(['canary']);
  });
});

const postgres = await startPostgres();
afterAll(() => postgres?.[Symbol.asyncDispose]());

test.skipIf(postgres === undefined)('planted in the journal it is found', async () => {
  const client = new pg.Client({ connectionString: postgres?.url ?? '' });
  await client.connect();
  await client.query('create schema if not exists burnbag');
  await client.query('create table burnbag.planted (what json)');
  await client.query('insert into burnbag.planted values ($1)', [JSON.stringify({ deep: { in: TEXT.repeat(500) } })]);
  await client.end();
  expect([...search.in(await journalText(postgres?.url ?? ''))]).toEqual(['text']);
});
