import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openS3 } from '../../orchestrator/evidence/archive/s3.ts';
import {
  noteFailure,
  readCustody,
  readSpool,
  readTrustedKeys,
  spoolRun,
  verifyBundle,
} from '../../orchestrator/evidence/index.ts';
import type { Fault } from '../support/crash-plan.ts';
import { type FaultyStore, openFaultyStore } from './faulty-store.ts';
import { type CrashHome, type CrashPlace, openCrashPlace } from './place.ts';

/*
 * The store is down while a run ends. Its sandbox is burned all the same; its evidence waits here, that is said wherever one looks, and it comes under
 * lock later: whole, once, signed for, whatever dies over it.
 */

let place: CrashPlace;
let store: FaultyStore;
let home: CrashHome;
let runId: string;
beforeAll(async () => {
  place = await openCrashPlace();
  store = await openFaultyStore(place.endpoint, 'unavailable');
  home = await place.newHome({ endpoint: store.endpoint });
  const owner = home.start({ do: 'run' });
  ({ runId } = await owner.said('run'));
  await owner.ended;
}, 120_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const folder = () => join(home.home, 'runs', runId);

async function cli(...argv: readonly string[]): Promise<{ readonly code: number | null; readonly text: string }> {
  const process = home.start({ do: 'cli', argv });
  const { code } = await process.ended;
  return { code, text: process.output() };
}

/** How many versions of each object of the run the real store has. */
async function versions(): Promise<ReadonlyMap<string, number>> {
  const s3 = await openS3({ endpoint: place.endpoint, region: 'us-east-1', credentials: place.credentials });
  const found = await s3.call('to list', ({ client, sdk, abortSignal }) =>
    client.send(new sdk.ListObjectVersionsCommand({ Bucket: 'evidence', Prefix: `runs/${runId}/` }), { abortSignal }),
  );
  s3.close();
  const counts = new Map<string, number>();
  for (const { Key = '' } of found.Versions ?? []) counts.set(Key, (counts.get(Key) ?? 0) + 1);
  return counts;
}

async function sweepWith(fault?: Fault) {
  return home.start({ do: 'recover', ...(fault !== undefined && { fault }) }).ended;
}

// One story, told in order: each test goes on where the one before left it.
describe('evidence that the archive did not take', { timeout: 180_000 }, () => {
  test('is owed, and the lists say so', async () => {
    expect((await readSpool(home.home)).map(({ run_id }) => run_id)).toEqual([runId]);
    expect((await cli('runs')).text).toContain('evidence pending: burnbag evidence archive');
    expect((await cli('evidence', 'ls')).text).toContain('not archived (PENDING: burnbag evidence archive)');
    expect((await verifyBundle(folder(), { trust: await readTrustedKeys(home.home) })).verdict).toBe('verified');
  });

  test('stays owed while the store is down, is tried later and later, and a command that tries says what is in the way', async () => {
    const { code, text } = await cli('evidence', 'archive', runId);
    expect(code).toBe(69);
    expect(text).toMatch(new RegExp(`${runId} {2}PENDING {2}unreachable: .*503`));
    const [first] = await readSpool(home.home);
    expect(first).toMatchObject({ run_id: runId, attempts: 1 });
    await sweepWith();
    const [second] = await readSpool(home.home);
    expect(second).toMatchObject({ attempts: 2, since: first?.since });
    const pause = (entry: typeof first) => Date.parse(entry?.next_at ?? '') - Date.now();
    expect(pause(second)).toBeGreaterThan(pause(first));
  });

  test('keeps new runs from starting when more of it waits than may, with an exit code of its own', async () => {
    const file = join(home.home, 'config.json');
    const before = await readFile(file, 'utf8');
    const configuration = JSON.parse(before) as { archive: object };
    const filler = join(folder(), 'filler.bin');
    await writeFile(file, JSON.stringify({ ...configuration, archive: { ...configuration.archive, spool_mib: 1 } }));
    await writeFile(filler, Buffer.alloc(1024 * 1024));
    const owner = home.start({ do: 'run' });
    await owner.ended;
    await rm(filler);
    await writeFile(file, before);
    expect(owner.events.at(-1)).toMatchObject({ type: 'ended', state: 'refused' });
    expect(JSON.stringify(owner.events)).toContain('spool_full');
  });

  test.each([
    ['an object was put', { step: 'chunk_uploaded', when: 'after', how: 'kill' }],
    ['the last object of the bundle was put', { step: 'archived', when: 'after', how: 'kill' }],
    ['its record was signed', { step: 'evidence_signed', when: 'after', how: 'kill' }],
  ] satisfies [string, Fault][])('is still owed, and still verifies, after a kill -9 over it: %s', async (_, fault) => {
    store.become('none');
    expect(await sweepWith(fault)).toMatchObject({ signal: 'SIGKILL' });
    expect((await readSpool(home.home)).map(({ run_id }) => run_id)).toEqual([runId]);
    expect((await verifyBundle(folder(), { trust: await readTrustedKeys(home.home) })).verdict).toBe('verified');
  });

  test('is archived by the next sweep, though the store loses each answer once; whole, once, signed for, and in the custody log', async () => {
    store.become('ambiguous');
    expect(await sweepWith()).toMatchObject({ code: 0 });
    expect(await readSpool(home.home)).toEqual([]);
    const { verdict, checks, archive } = await verifyBundle(folder(), { trust: await readTrustedKeys(home.home) });
    expect(verdict).toBe('verified');
    expect(checks.find(({ code }) => code === 'late_archive')).toMatchObject({ status: 'ok' });
    const names = archive?.objects.map(({ name }) => name) ?? [];
    expect(names).toEqual(
      expect.arrayContaining(['manifest.json', 'receipt.json', 'receipt.dsse.json', 'burn.ndjson']),
    );
    const counts = await versions();
    for (const name of [...names, 'late-archive.dsse.json']) expect(counts.get(`runs/${runId}/${name}`)).toBe(1);
    const { entries, problem } = await readCustody(home.home);
    expect(problem).toBeNull();
    expect(entries.at(-1)).toMatchObject({ act: 'archived', run_id: runId });
    expect(entries.at(-1)?.detail).toContain('after its run');
    expect((await cli('runs')).text).not.toContain('pending');
    expect((await cli('show', runId, '--json')).text).toMatch(/"archive":\s*\{\s*"endpoint"/);
    expect((await cli('evidence', 'ls')).text).toContain('archived · receipt signed');
  });

  test('is not archived twice: nothing is owed, and asked for again it is the same', async () => {
    expect((await cli('evidence', 'archive', '--pending')).text).toContain('nothing is owed to the archive');
    const late = await readFile(join(folder(), 'late-archive.dsse.json'));
    expect(await cli('evidence', 'archive', runId)).toMatchObject({ code: 0 });
    expect(await readFile(join(folder(), 'late-archive.dsse.json'))).toEqual(late);
    for (const count of (await versions()).values()) expect(count).toBe(1);
  });

  test('of a run whose receipt alone is missing in the archive is completed by whatever next conducts a run', async () => {
    store.become('none');
    await using other = await place.newHome({ endpoint: store.endpoint });
    const fault = { step: 'archived', when: 'before', how: 'EIO', times: 99 } as const;
    const first = other.start({ do: 'run', fault });
    const { runId: owed } = await first.said('run');
    await first.ended;
    expect((await readSpool(other.home)).map(({ run_id }) => run_id)).toEqual([owed]);
    await other.start({ do: 'run' }).ended;
    expect(await readSpool(other.home)).toEqual([]);
    const { verdict, checks } = await verifyBundle(join(other.home, 'runs', owed), {
      trust: await readTrustedKeys(other.home),
    });
    expect(verdict).toBe('verified');
    expect(checks.find(({ code }) => code === 'archive_record')).toMatchObject({ status: 'ok' });
  });
});

describe('the spool', () => {
  test('keeps when it began to wait, and an entry that cannot be read is due at once', async () => {
    await using other = await place.newHome();
    const at = new Date('2026-11-28T08:00:00.000Z');
    await spoolRun(other.home, '000000000001', at);
    await spoolRun(other.home, '000000000001');
    const how = { why: 'x'.repeat(10_000), pauseAfter: (failures: number) => failures * 1_000, now: at };
    await noteFailure(other.home, '000000000001', how);
    expect(await noteFailure(other.home, '000000000001', how)).toMatchObject({
      since: at.toISOString(),
      attempts: 2,
      next_at: '2026-11-28T08:00:02.000Z',
    });
    await writeFile(join(other.home, 'spool', '000000000002.json'), '{');
    expect((await readSpool(other.home)).map(({ run_id, attempts }) => [run_id, attempts])).toEqual([
      ['000000000002', 0],
      ['000000000001', 2],
    ]);
  });
});
