import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sealedBundle, temporaryKeys } from '../../test/support/bundle.ts';
import { proof } from '../../test/support/proof.ts';
import { openBurnLog, signReceipt, verifyBundle } from './index.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'burnbag-burn-log-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const lines = async (folder = dir) => (await readFile(join(folder, 'burn.ndjson'), 'utf8')).split('\n');

test('goes on after a crash that left half a line', async () => {
  await appendFile(join(dir, 'burn.ndjson'), '{"sequence":0}\n{"seq');
  const log = openBurnLog(dir);
  log.append({ sequence: 1 });
  expect(log.close()).toBe(0);
  expect(await lines()).toEqual(['{"sequence":0}', '{"seq', '{"sequence":1}', '']);
});

test('counts what it cannot keep, and never throws: destruction goes on without it', async () => {
  await mkdir(join(dir, 'burn.ndjson'));
  const log = openBurnLog(dir);
  log.append({ sequence: 0 });
  expect(log.close()).toBe(1);
});

test('keeps no more than a verifier reads', async () => {
  const log = openBurnLog(dir);
  for (let sequence = 0; sequence < 1_200; sequence += 1) log.append({ sequence, text: 'x'.repeat(1_000) });
  expect(log.close()).toBeGreaterThan(150);
  expect((await readFile(join(dir, 'burn.ndjson'))).length).toBeLessThanOrEqual(1024 * 1024);
});

test('is covered by the receipt, and closed with it', async () => {
  await using keys = await temporaryKeys();
  const { dir: folder, run } = await sealedBundle(keys, 'burned');
  const say = (event: object) => {
    const log = openBurnLog(folder);
    log.append(event);
    expect(log.close()).toBe(0);
  };
  say({ sequence: 0 });
  const order = { dir: folder, run, ids: [proof('process', '4242')], signer: keys.receipt };
  const { predicate } = await signReceipt(order);
  expect(predicate.burn_log_sha256).toMatch(/^[0-9a-f]{64}$/);
  say({ sequence: 1 });
  expect(await lines(folder)).toEqual(['{"sequence":0}', '']);
  expect((await signReceipt(order)).predicate).toEqual(predicate);
  expect((await verifyBundle(folder, { trust: keys.trust })).verdict).toBe('verified');
  await appendFile(join(folder, 'burn.ndjson'), '{}\n');
  const { firstFailure } = await verifyBundle(folder, { trust: keys.trust });
  expect(firstFailure?.code).toBe('receipt_binding');
  await rm(join(folder, 'burn.ndjson'));
  expect((await verifyBundle(folder, { trust: keys.trust })).firstFailure?.code).toBe('receipt_binding');
});
