import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openS3, type S3 } from '../../orchestrator/evidence/archive/s3.ts';
import { type Archive, archiveReceipt, verifyBundle } from '../../orchestrator/evidence/index.ts';
import { openVault } from '../../orchestrator/run/vault.ts';
import { Configuration } from '../../orchestrator/configuration.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { burnedBundle, temporaryKeys, type TestKeys } from '../support/bundle.ts';

/* GOVERNANCE: a lock that holds until somebody who may bypass it does so. Good for rehearsals, and called one everywhere. */

const BUCKET = 'rehearsal';

let keys: TestKeys;
let here: TemporaryArchive;
let archive: Archive;
let s3: S3;
beforeAll(async () => {
  [keys, here] = await Promise.all([temporaryKeys(), temporaryArchive()]);
  archive = await here.open({ bucket: BUCKET, mode: 'GOVERNANCE' });
  s3 = await openS3(here.server);
});
afterAll(async () => {
  s3.close();
  await here[Symbol.asyncDispose]();
  await keys[Symbol.asyncDispose]();
});

function deleteVersion(Key: string, VersionId: string, bypass: boolean): Promise<unknown> {
  return s3.call('to delete', ({ client, sdk, abortSignal }) =>
    client.send(new sdk.DeleteObjectCommand({ Bucket: BUCKET, Key, VersionId, BypassGovernanceRetention: bypass }), {
      abortSignal,
    }),
  );
}

function openWith(settings: object) {
  const { endpoint, credentials } = here.server;
  const configuration = Configuration.parse({ archive: { endpoint, bucket: BUCKET, mode: 'GOVERNANCE', ...settings } });
  const variables = { AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey };
  return openVault({ home: here.home, root: here.home, requester: 'test', variables }, configuration);
}

describe('a rehearsal', () => {
  test('is locked against whoever may not bypass it, and against nobody else', async () => {
    const { dir } = await burnedBundle(keys, archive, 'lifted', {}, { lock: 'rehearsal' });
    const [receipt] = await archiveReceipt({ dir, runId: '7f3a91c0de42', archive });
    expect(receipt?.lock.mode).toBe('GOVERNANCE');
    const { key = '', version_id: version = '' } = receipt ?? {};
    await expect(deleteVersion(key, version, false)).rejects.toMatchObject({ code: 'denied' });
    await deleteVersion(key, version, true);
  });

  test('verifies and says what it is; one that calls itself strict is refused', async () => {
    const honest = await burnedBundle(keys, archive, 'honest', { run_id: '000000000011' }, { lock: 'rehearsal' });
    const { verdict, checks } = await verifyBundle(honest.dir, { trust: keys.trust });
    expect(verdict).toBe('verified');
    expect(checks.find(({ code }) => code === 'archive_record')?.detail).toContain('REHEARSAL');
    const boasting = await burnedBundle(keys, archive, 'boasting', { run_id: '000000000012' });
    expect(await verifyBundle(boasting.dir, { trust: keys.trust })).toMatchObject({
      verdict: 'refused',
      firstFailure: { code: 'archive_record' },
    });
  });

  test('is started only by who asks for one, in the mode and in what is required', async () => {
    await using careless = await openWith({});
    await expect(careless.openForRun()).rejects.toMatchObject({ code: 'refused_by_policy' });
    await using meant = await openWith({ require: 'rehearsal' });
    await meant.openForRun();
    expect((await meant.open()).facts).toMatchObject({ mode: 'GOVERNANCE', lock: 'rehearsal' });
  });
});
