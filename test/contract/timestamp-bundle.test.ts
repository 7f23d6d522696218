import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Certificate,
  linesOf,
  readAuthorities,
  reportOf,
  stampSeal,
  verifyBundle,
} from '../../orchestrator/evidence/index.ts';
import { Kit, sha256 } from '../../tools/vectors/kit.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { burnedBundle, temporaryKeys, type TestKeys } from '../support/bundle.ts';
import { makeAuthority, type Signer, type TestAuthority } from '../support/tsa/authority.ts';
import { OPENSSL, sayNotRun } from '../support/tsa/openssl.ts';
import { startTsa, type TsaServer } from '../support/tsa/server.ts';
import { runVerifyFile, type VerifyFile } from '../support/verify-file.ts';

/* A bundle whose seal was timestamped by a real authority, changed in one way at a time; both verifiers look at it. */

sayNotRun('bundles with a timestamp (RFC 3161)');

describe.skipIf(OPENSSL === undefined)('a bundle with a timestamp', { timeout: 60_000 }, () => {
  let keys: TestKeys;
  let here: TemporaryArchive;
  let authority: TestAuthority;
  let server: TsaServer;
  let file: VerifyFile;
  let trusted: readonly Certificate[];
  let dir: string;
  let other: string;
  beforeAll(async () => {
    [keys, here, authority, file] = await Promise.all([
      temporaryKeys(),
      temporaryArchive(),
      makeAuthority(),
      runVerifyFile(),
    ]);
    const tsa: Signer = await authority.issue('tsa');
    server = await startTsa(async (query) => ({ body: await authority.reply(query, tsa) }));
    trusted = await readAuthorities(authority.caFile);
    const stamp = (folder: string) => stampSeal({ dir: folder, authority: { url: server.url, trusted } });
    ({ dir } = await burnedBundle(keys, here.archive, 'one', {}, { stamp }));
    ({ dir: other } = await burnedBundle(keys, here.archive, 'two', { run_id: '000000000001' }, { stamp }));
  }, 120_000);
  afterAll(async () => {
    for (const one of [file, server, authority, here, keys]) await one[Symbol.asyncDispose]();
  });

  /** What a verifier says of a copy that was changed. */
  async function verdictOn(change: (copy: string) => Promise<unknown>, authorities = trusted) {
    const copy = `${dir}-copy`;
    await cp(dir, copy, { recursive: true });
    try {
      await change(copy);
      const { verdict, firstFailure, checks } = await verifyBundle(copy, { trust: keys.trust, authorities });
      const [stamp, by] = ['timestamp', 'timestamp_authority'].map((code) => checks.find((one) => one.code === code));
      return { verdict, first: firstFailure?.code, stamp, by };
    } finally {
      await rm(copy, { recursive: true });
    }
  }
  const nothing = () => Promise.resolve();

  test('verifies, says when and by whom, and openssl agrees', async () => {
    const { verdict, stamp, by } = await verdictOn(nothing);
    expect(verdict).toBe('verified');
    expect(stamp).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(/^\d{4}-.*Z, policy 1\.3\.6/) as string,
    });
    expect(by).toMatchObject({ status: 'ok', detail: expect.stringContaining('CN=Test tsa, by CN=Test CA') as string });
    await authority.verify(await readFile(join(dir, 'timestamp.tst')), await readFile(join(dir, 'envelope.dsse.json')));
  });

  test('whose authority nobody vouches for says that it was not checked against a CA', async () => {
    expect(await verdictOn(nothing, [])).toMatchObject({
      verdict: 'verified',
      stamp: { status: 'ok' },
      by: { status: 'not_checked', detail: expect.stringContaining('not checked against a CA') as string },
    });
  });

  test('lacks nothing where none was asked for: no row of the list reads like a doubt', async () => {
    const { dir: plain } = await burnedBundle(keys, here.archive, 'plain', { run_id: '000000000002' });
    const found = await verifyBundle(plain, { trust: keys.trust, authorities: trusted });
    expect(found.verdict).toBe('verified');
    expect(linesOf(reportOf(plain, found)).filter((line) => !line.startsWith('  ✔'))).toEqual([
      `evidence in ${plain}`,
      '  · no timestamp was asked for',
      '  · so there is no authority of one',
      '',
      expect.stringMatching(/^verified/),
      expect.stringMatching(/^completeness/),
      expect.stringMatching(/^[1-9][0-9]* bytes of evidence in/),
    ]);
  });

  test('is archived with it, under the same lock', async () => {
    const { archive: record } = await verifyBundle(dir, { trust: keys.trust });
    const object = record?.objects.find(({ name }) => name === 'timestamp.tst');
    expect(object).toMatchObject({
      sha256: sha256(await readFile(join(dir, 'timestamp.tst'))),
      lock: { mode: 'COMPLIANCE' },
    });
  });

  test('is the same for verify.mjs: with the CA, with another one, and without', async () => {
    await using stranger = await makeAuthority('Another CA');
    await writeFile(join(keys.home, 'e.pub'), keys.evidence.publicKey.pem);
    await writeFile(join(keys.home, 'r.pub'), keys.receipt.publicKey.pem);
    const options = ['--evidence-key', join(keys.home, 'e.pub'), '--receipt-key', join(keys.home, 'r.pub')];
    const plain = await file.start([dir, ...options]);
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringContaining('not checked against a CA') as string });
    const checked = await file.start([dir, ...options, '--tsa-ca', authority.caFile]);
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining('CN=Test tsa, by CN=Test CA') as string });
    const wrong = await file.start([dir, ...options, '--tsa-ca', stranger.caFile]);
    expect(wrong).toMatchObject({
      code: 81,
      stdout: expect.stringContaining('first thing wrong: its authority is one you trust') as string,
    });
    expect((await file.start([dir, '--tsa-ca', join(keys.home, 'e.pub')])).code).toBe(66);
  });

  test('is refused without it, with another run’s, with one that came later, and with a byte of it changed', async () => {
    const place = (copy: string) => join(copy, 'timestamp.tst');
    const later = async (copy: string) => {
      await rm(place(copy));
      await rm(join(copy, 'archive.json'));
      await stampSeal({ dir: copy, authority: { url: server.url, trusted } });
    };
    expect((await verdictOn((copy) => rm(place(copy)))).verdict).toBe('refused');
    expect((await verdictOn((copy) => cp(place(other), place(copy)))).verdict).toBe('refused');
    expect((await verdictOn(later)).first).toBe('receipt_binding');
    const token = await readFile(place(dir));
    const survivors: number[] = [];
    // Each byte in its turn takes a while: every fifth, another one each time.
    for (let at = Date.now() % 5; at < token.length; at += 5) {
      const changed = Buffer.from(token);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      await writeFile(place(dir), changed);
      if ((await verifyBundle(dir, { trust: keys.trust })).verdict !== 'refused') survivors.push(at);
    }
    await writeFile(place(dir), token);
    expect(survivors).toEqual([]);
  });

  test('is refused even where whoever holds the receipt key put another token in, of other evidence or of an impossible time', async () => {
    const kit = new Kit(new Map([['receipt.json', await readFile(join(dir, 'receipt.json'))]]), keys, keys);
    const resign = async (copy: string, token: Buffer, changes = {}) => {
      await writeFile(join(copy, 'timestamp.tst'), token);
      await rm(join(copy, 'archive.json'));
      const timestamp = { sha256: sha256(token), why: null };
      const files = await kit.sign({ ...kit.receipt, archive_sha256: null, timestamp, ...changes });
      for (const [name, bytes] of files) await writeFile(join(copy, name), bytes);
    };
    const [own, others] = await Promise.all([dir, other].map((folder) => readFile(join(folder, 'timestamp.tst'))));
    const early = { signed_at: '2020-01-01T00:00:00.000Z', ids: [] };
    expect((await verdictOn((copy) => resign(copy, own ?? Buffer.alloc(0)))).verdict).toBe('verified');
    expect((await verdictOn((copy) => resign(copy, others ?? Buffer.alloc(0)))).first).toBe('timestamp');
    expect((await verdictOn((copy) => resign(copy, Buffer.from('x')))).first).toBe('timestamp');
    expect((await verdictOn((copy) => resign(copy, own ?? Buffer.alloc(0), early))).verdict).toBe('refused');
  });

  test('is stamped once: asked again, the first token stays', async () => {
    const before = await readFile(join(dir, 'timestamp.tst'));
    const asked = server.queries.length;
    await stampSeal({ dir, authority: { url: 'http://127.0.0.1:9/', trusted } });
    expect(await readFile(join(dir, 'timestamp.tst'))).toEqual(before);
    expect(server.queries.length).toBe(asked);
  });

  test('gets none once it is archived: no record would have it', async () => {
    const { dir: plain } = await burnedBundle(keys, here.archive, 'three', { run_id: '000000000003' });
    await expect(stampSeal({ dir: plain, authority: { url: server.url, trusted } })).rejects.toMatchObject({
      code: 'tsa_refused',
    });
    expect((await verifyBundle(plain, { trust: keys.trust })).verdict).toBe('verified');
  });
});
