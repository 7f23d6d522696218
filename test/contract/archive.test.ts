import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { S3Client, DeleteObjectCommand, CreateBucketCommand, GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Archive, openArchive } from '../../orchestrator/evidence/index.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { type Lie, lyingStore } from '../support/lying-store.ts';

/** What is expected of every archive, on a real server. */
describe('the archive', () => {
  let here: TemporaryArchive;
  let archive: Archive;
  let s3: S3Client;
  const now = new Date('2030-01-01T00:00:00.500Z');

  beforeAll(async () => {
    here = await temporaryArchive();
    archive = here.archive;
    const { endpoint, region, credentials } = here.server;
    s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  });
  afterAll(async () => {
    s3.destroy();
    await here[Symbol.asyncDispose]();
  });

  test('keeps an object under the lock that was asked, and says its version', async () => {
    const put = await archive.put('a', source('hello'), archive.lockFor(now));
    expect(put).toMatchObject({ key: 'a', bytes: 5, sha256: sha256('hello') });
    expect(put.lock).toEqual({ mode: 'COMPLIANCE', retain_until: '2030-01-02T00:00:01.000Z' });
    expect(put.version_id).not.toBe('');
  });

  test('takes the same content again as the same object', async () => {
    const first = await archive.put('again', source('hello'), archive.lockFor(now));
    expect(await archive.put('again', source('hello'), archive.lockFor(now))).toEqual(first);
  });

  test('prolongs the lock of what is there, and never shortens it', async () => {
    const later = new Date(now.getTime() + 3_600_000);
    await archive.put('longer', source('hello'), archive.lockFor(now));
    const prolonged = await archive.put('longer', source('hello'), archive.lockFor(later));
    expect(prolonged.lock.retain_until).toBe('2030-01-02T01:00:01.000Z');
    expect((await archive.put('longer', source('hello'), archive.lockFor(now))).lock).toEqual(prolonged.lock);
  });

  test('refuses other content under a name that is taken', async () => {
    await archive.put('taken', source('hello'), archive.lockFor(now));
    await expect(archive.put('taken', source('hellO'), archive.lockFor(now))).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  test('refuses content that is not what its SHA-256 says', async () => {
    const wrong = { ...source('hello'), sha256: sha256('other') };
    await expect(archive.put('wrong', wrong, archive.lockFor(now))).rejects.toMatchObject({
      code: 'checksum_mismatch',
    });
  });

  test('refuses to let a locked version go, and keeps it under a delete marker', async () => {
    const { version_id: VersionId } = await archive.put('kept', source('hello'), archive.lockFor(now));
    await expect(
      s3.send(new DeleteObjectCommand({ Bucket: 'evidence', Key: 'kept', VersionId })),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
    await s3.send(new DeleteObjectCommand({ Bucket: 'evidence', Key: 'kept' }));
    const found = await s3.send(new GetObjectCommand({ Bucket: 'evidence', Key: 'kept', VersionId }));
    expect(await found.Body?.transformToString()).toBe('hello');
  });

  test('streams a file, empty ones too', async () => {
    for (const content of [Buffer.alloc(0), Buffer.alloc(12_345_678, 'x')]) {
      const file = join(here.home, `file-${content.length}`);
      await writeFile(file, content);
      const put = await archive.put(
        `file-${content.length}`,
        { file, bytes: content.length, sha256: sha256(content) },
        archive.lockFor(now),
      );
      expect(put.sha256).toBe(sha256(content));
    }
  });

  test('refuses a file that went away or changed its size since it was hashed', async () => {
    const file = join(here.home, 'changing');
    await writeFile(file, 'hello, and more');
    await expect(archive.put('changing', { file, ...measure('hello') }, archive.lockFor(now))).rejects.toMatchObject({
      code: 'checksum_mismatch',
    });
    await rm(file);
    await expect(archive.put('changing', { file, ...measure('hello') }, archive.lockFor(now))).rejects.toMatchObject({
      code: 'refused',
    });
  });

  test('refuses a bucket without Object Lock, an absent one, wrong credentials, and an address where nobody answers', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'unlocked' }));
    await expect(here.open({ bucket: 'unlocked' })).rejects.toMatchObject({ code: 'no_object_lock' });
    await expect(here.open({ bucket: 'absent', createBucket: false })).rejects.toMatchObject({ code: 'no_bucket' });
    const credentials = { accessKeyId: here.server.credentials.accessKeyId, secretAccessKey: 'not the secret' };
    await expect(here.open({ credentials })).rejects.toMatchObject({ code: 'denied' });
    await expect(here.open({ endpoint: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'unreachable',
      retryable: true,
    });
  });

  test.each([
    ['forgets_lock', 'lock_not_as_asked'],
    ['weaker_mode', 'lock_not_as_asked'],
    ['shorter_lock', 'lock_not_as_asked'],
    ['other_bytes', 'conflict'],
    ['no_version_id', 'no_object_lock'],
    ['overloaded', 'unreachable'],
  ] satisfies [Lie, string][])('does not believe a store that %s: %s', async (lie, code) => {
    await using liar = await lyingStore(here.server.endpoint, lie);
    const { region, credentials } = here.server;
    await using lied = await openArchive({
      endpoint: liar.endpoint,
      region,
      credentials,
      bucket: 'evidence',
      mode: 'COMPLIANCE',
      retentionDays: 1,
    });
    await expect(lied.put(`lie-${lie}`, source('hello'), lied.lockFor(now))).rejects.toMatchObject({ code });
  });
});

function source(content: string) {
  return { content, ...measure(content) };
}

function measure(content: string) {
  return { bytes: Buffer.byteLength(content), sha256: sha256(content) };
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
