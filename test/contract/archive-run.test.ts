import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  archiveLate,
  archiveReceipt,
  archiveRun,
  openArchive,
  signReceipt,
  verifyBundle,
} from '../../orchestrator/evidence/index.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { sha256 } from '../support/arrivals.ts';
import { burnedBundle, KNOWN_IDS, sealedBundle, temporaryKeys, type TestKeys } from '../support/bundle.ts';
import { proof } from '../support/proof.ts';
import { lyingStore } from '../support/lying-store.ts';

let keys: TestKeys;
let here: TemporaryArchive;
beforeAll(async () => {
  [keys, here] = await Promise.all([temporaryKeys(), temporaryArchive()]);
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await keys[Symbol.asyncDispose]();
});

const facts = { lock: 'strict', probed_at: '2026-11-23T08:00:00.000Z' } as const;

test('every file of a burned run lies in the archive, whole and locked, and can be had by its version', async () => {
  const { dir } = await burnedBundle(keys, here.archive, 'whole');
  const { archive: record } = await verifyBundle(dir);
  const receipt = await archiveReceipt({ dir, runId: '7f3a91c0de42', archive: here.archive });
  expect(receipt.map(({ key }) => key.split('/').at(-1))).toEqual([
    'archive.json',
    'burn.ndjson',
    'receipt.json',
    'receipt.dsse.json',
    'receipt.pub',
  ]);
  const objects = [...(record?.objects ?? []), ...receipt];
  const inBundle = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = inBundle.filter((entry) => entry.isFile()).map(({ name }) => name);
  expect(objects.map(({ key }) => key.split('/').at(-1)).toSorted()).toEqual(files.toSorted());
  const { endpoint, region, credentials } = here.server;
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  for (const { key, version_id, sha256: expected, lock } of objects) {
    const found = await s3.send(new GetObjectCommand({ Bucket: 'evidence', Key: key, VersionId: version_id }));
    expect(sha256(Buffer.from((await found.Body?.transformToByteArray()) ?? []))).toBe(expected);
    expect(lock.mode).toBe('COMPLIANCE');
  }
  s3.destroy();
});

test('archiving that broke off goes on where it stopped, and puts nothing twice', async () => {
  const { dir, run } = await sealedBundle(keys, 'broken', { run: { run_id: '000000000001' } });
  const request = { dir, publicKey: keys.evidence.publicKey, archive: here.archive, facts, now: new Date() };
  await using down = await lyingStore(here.server.endpoint, 'overloaded');
  const { region, credentials } = here.server;
  await using slow = await openArchive({
    endpoint: down.endpoint,
    region,
    credentials,
    bucket: 'evidence',
    mode: 'COMPLIANCE',
    retentionDays: 1,
  });
  await expect(archiveRun({ ...request, archive: slow })).rejects.toMatchObject({ code: 'unreachable' });
  const first = await archiveRun(request);
  await rm(join(dir, 'archive.json'));
  expect((await archiveRun(request)).objects).toEqual(first.objects);
  const record = await readFile(join(dir, 'archive.json'));
  await archiveRun({ ...request, now: new Date(Date.now() + 3_600_000) });
  expect(await readFile(join(dir, 'archive.json'))).toEqual(record);
  await signReceipt({ dir, run, ids: KNOWN_IDS.map(({ kind, id }) => proof(kind, id)), signer: keys.receipt });
  expect((await verifyBundle(dir, { trust: keys.trust })).verdict).toBe('verified');
});

test('refuses to archive what is not sealed, or sealed by somebody else', async () => {
  const { dir } = await sealedBundle(keys, 'foreign', { run: { run_id: '000000000002' } });
  for (const request of [
    { dir: keys.home, publicKey: keys.evidence.publicKey },
    { dir, publicKey: keys.receipt.publicKey },
  ]) {
    await expect(archiveRun({ ...request, archive: here.archive, facts })).rejects.toMatchObject({
      code: 'not_sealed',
    });
  }
});

test('a late archive record of another run is not taken for this one’s: its files come under lock all the same', async () => {
  const late = async (name: string, runId: string) => {
    const { dir, run } = await sealedBundle(keys, name, { run: { run_id: runId }, ids: KNOWN_IDS });
    await signReceipt({ dir, run, ids: KNOWN_IDS.map(({ kind, id }) => proof(kind, id)), signer: keys.receipt });
    return { dir, archive: () => archiveLate({ dir, signer: keys.evidence, archive: here.archive, facts }) };
  };
  const [one, other] = [await late('late-one', '00000000000a'), await late('late-other', '00000000000b')];
  await other.archive();
  await cp(join(other.dir, 'late-archive.dsse.json'), join(one.dir, 'late-archive.dsse.json'));
  expect((await verifyBundle(one.dir, { trust: keys.trust })).firstFailure?.code).toBe('late_archive');
  expect((await one.archive()).record.run_id).toBe('00000000000a');
  expect(await verifyBundle(one.dir, { trust: keys.trust })).toMatchObject({ verdict: 'verified' });
});
