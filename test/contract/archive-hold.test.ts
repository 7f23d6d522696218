import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openS3, type S3 } from '../../orchestrator/evidence/archive/s3.ts';
import { type Archive, archiveReceipt, type ArchiveRecord, holdRun } from '../../orchestrator/evidence/index.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { burnedBundle, temporaryKeys, type TestKeys } from '../support/bundle.ts';

const BUCKET = 'rehearsal';

let keys: TestKeys;
let here: TemporaryArchive;
let archive: Archive;
let s3: S3;
let dir: string;
let record: ArchiveRecord;
beforeAll(async () => {
  [keys, here] = await Promise.all([temporaryKeys(), temporaryArchive()]);
  // GOVERNANCE: whoever may bypass it can delete, so only the hold stands in the way.
  archive = await here.open({ bucket: BUCKET, mode: 'GOVERNANCE' });
  ({ dir } = await burnedBundle(keys, archive, 'held'));
  record = JSON.parse(await readFile(join(dir, 'archive.json'), 'utf8')) as ArchiveRecord;
  await archiveReceipt({ dir, runId: record.run_id, archive });
  s3 = await openS3({
    endpoint: here.server.endpoint,
    region: here.server.region,
    credentials: here.server.credentials,
  });
});
afterAll(async () => {
  s3.close();
  await here[Symbol.asyncDispose]();
  await keys[Symbol.asyncDispose]();
});

/** Deletes one version for good, past its retention: what a hold must prevent. */
function deleteForGood(Key: string, VersionId: string): Promise<unknown> {
  return s3.call('to delete', ({ client, sdk, abortSignal }) =>
    client.send(new sdk.DeleteObjectCommand({ Bucket: BUCKET, Key, VersionId, BypassGovernanceRetention: true }), {
      abortSignal,
    }),
  );
}

describe('a legal hold', () => {
  test('is put on every object of a run, its receipt too, and read back', async () => {
    const held = await holdRun(dir, archive, true);
    expect(held.every((one) => one.held)).toBe(true);
    const names = held.map(({ name }) => name);
    for (const { name } of record.objects) expect(names).toContain(name);
    for (const name of ['archive.json', 'burn.ndjson', 'receipt.json', 'receipt.dsse.json', 'receipt.pub'])
      expect(names).toContain(name);
    expect(await holdRun(dir, archive, true)).toEqual(held);
  });

  test('keeps what could be deleted without it; released, it can', async () => {
    await holdRun(dir, archive, true);
    const [{ key, version_id: version } = { key: '', version_id: '' }] = record.objects;
    await expect(deleteForGood(key, version)).rejects.toThrow();
    expect((await holdRun(dir, archive, false)).every((one) => !one.held)).toBe(true);
    await deleteForGood(key, version);
    await expect(holdRun(dir, archive, true)).rejects.toMatchObject({ name: 'ArchiveError' });
  });

  test('is refused for what was never archived', async () => {
    await rm(join(dir, 'archive.json'));
    await expect(holdRun(dir, archive, true)).rejects.toMatchObject({ code: 'not_sealed' });
  });
});
