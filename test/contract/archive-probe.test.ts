import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeOrRecall } from '../../orchestrator/evidence/index.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { type Lie, lyingStore } from '../support/lying-store.ts';

let here: TemporaryArchive;
beforeAll(async () => {
  here = await temporaryArchive();
});
afterAll(() => here[Symbol.asyncDispose]());

describe.concurrent('the lock probe', () => {
  test('finds a real archive server strict', async () => {
    const { verdict, checks } = await here.archive.probe();
    expect(checks.filter(({ expected, got }) => expected !== got)).toEqual([]);
    expect(verdict).toBe('strict');
  });

  test.each([
    ['delete', 'none', ['delete']],
    ['delete_bypass', 'weak', ['delete_bypass']],
    ['shorten', 'weak', ['shorten']],
    ['shorten_bypass', 'weak', ['shorten_bypass']],
    ['change_mode', 'weak', ['change_mode']],
    ['suspend_versioning', 'weak', ['suspend_versioning']],
    ['wrong_checksum', 'weak', ['wrong_checksum']],
    ['overwrite', 'weak', ['overwrite']],
    ['batch_delete', 'weak', ['batch_delete', 'delete_expired']],
    ['refuses_everything', 'weak', ['extend', 'delete_expired']],
    ['deletes_in_secret', 'none', ['survival']],
    ['forgets_lock', 'none', ['survival']],
    ['weaker_mode', 'none', ['survival']],
    ['shorter_lock', 'none', ['survival']],
  ] satisfies [Lie, string, string[]][])('finds out a store that lies about %s: %s', async (lie, verdict, failed) => {
    await using liar = await lyingStore(here.server.endpoint, lie);
    const archive = await here.open({ endpoint: liar.endpoint, bucket: `probed-${lie.replaceAll('_', '-')}` });
    const result = await archive.probe();
    expect(result.checks.filter(({ expected, got }) => expected !== got).map(({ name }) => name)).toEqual(failed);
    expect(result.verdict).toBe(verdict);
  });

  test('takes no answer for no refusal', async () => {
    await using liar = await lyingStore(here.server.endpoint, 'overloaded');
    const archive = await here.open({ endpoint: liar.endpoint });
    await expect(archive.probe()).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a kept probe', () => {
  test('is recalled with its age, for the same store, while it is young and legible', async () => {
    const files = ['same', 'other', 'old', 'illegible'].map((name) => join(here.home, 'archive', `probe-${name}.json`));
    const [same = '', other = '', old = '', illegible = ''] = files;
    const first = await probeOrRecall(here.archive, { file: same, store: 'one' });
    expect(first).toMatchObject({ verdict: 'strict', age_ms: 0 });
    for (const file of [other, old]) await copyFile(same, file);
    await writeFile(illegible, 'not json');
    const probedAt = Date.parse(first.probed_at);
    const inAMinute = await probeOrRecall(here.archive, { file: same, store: 'one', now: new Date(probedAt + 60_000) });
    expect(inAMinute).toMatchObject({ probed_at: first.probed_at, age_ms: 60_000 });
    const anew = await Promise.all([
      probeOrRecall(here.archive, { file: other, store: 'two' }),
      probeOrRecall(here.archive, { file: old, store: 'one', now: new Date(probedAt + 25 * 3_600_000) }),
      probeOrRecall(here.archive, { file: illegible, store: 'one' }),
    ]);
    for (const probe of anew) expect(probe).toMatchObject({ age_ms: 0, verdict: 'strict' });
  });
});
