import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CheckCode, NOBODY, verifyBundle } from '../../orchestrator/evidence/index.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { burnedBundle, temporaryKeys, type TestKeys } from '../support/bundle.ts';

/* Who made a bundle and its receipt, and of which run they are. That any change to its bytes is refused: bundle-mutation.test.ts. */

let keys: TestKeys;
let here: TemporaryArchive;
let dir: string;
let other: string;
let names: string[];

beforeAll(async () => {
  [keys, here] = await Promise.all([temporaryKeys(), temporaryArchive()]);
  dir = (await burnedBundle(keys, here.archive, 'mutated')).dir;
  other = (await burnedBundle(keys, here.archive, 'other', { run_id: '000000000001', task_id: 'task-2' })).dir;
  names = await readdir(dir);
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await keys[Symbol.asyncDispose]();
});

/** The first check that fails on a bundle, or undefined when it is accepted. */
async function refusal(bundle = dir, trust = keys.trust): Promise<CheckCode | undefined> {
  const { verdict, firstFailure } = await verifyBundle(bundle, { trust });
  return verdict === 'refused' ? firstFailure?.code : undefined;
}

/** Replaces a file's bytes while `check` looks. */
async function withBytes(name: string, change: (bytes: Buffer) => Buffer, check: () => Promise<void>): Promise<void> {
  const file = join(dir, name);
  const bytes = await readFile(file);
  const changed = change(Buffer.from(bytes));
  expect(changed.equals(bytes)).toBe(false);
  await writeFile(file, changed);
  try {
    await check();
  } finally {
    await writeFile(file, bytes);
  }
}

const isRefused = async () => {
  expect(await refusal()).toBeDefined();
};

describe('a bundle', () => {
  test('is accepted as it was made, and refused under keys of others', async () => {
    expect(await refusal()).toBeUndefined();
    await using others = await temporaryKeys();
    expect(await refusal(dir, others.trust)).toBe('evidence_signer');
    expect(await refusal(dir, { ...keys.trust, receipt: others.trust.receipt })).toBe('receipt_signer');
    expect(await refusal(dir, { ...keys.trust, receipt: keys.trust.evidence })).toBe('receipt_signer');
    expect((await verifyBundle(dir, { trust: NOBODY })).verdict).toBe('self_consistent');
    expect((await verifyBundle(dir, { trust: { ...keys.trust, receipt: [] } })).verdict).toBe('self_consistent');
  });

  test('made anew with keys of its own is consistent with itself, and refused by whoever trusts ours', async () => {
    await using forger = await temporaryKeys();
    const forged = await burnedBundle(forger, await here.open({ bucket: 'forged' }), 'forged');
    expect((await verifyBundle(forged.dir)).verdict).toBe('self_consistent');
    expect(await refusal(forged.dir)).toBe('evidence_signer');
  });

  test('is refused with any file of another run in place of its own', async () => {
    for (const name of names) {
      const foreign = await readFile(join(other, name));
      if (!foreign.equals(await readFile(join(dir, name)))) await withBytes(name, () => foreign, isRefused);
    }
  });

  test('is refused with the whole receipt of another run, or without any', async () => {
    const receipt = ['receipt.json', 'receipt.dsse.json', 'receipt.pub'];
    const copy = await copyOf(dir);
    for (const name of receipt) await cp(join(other, name), join(copy, name));
    expect(await refusal(copy)).toBe('receipt_binding');
    for (const name of receipt) await rm(join(copy, name));
    expect(await refusal(copy)).toBe('receipt_files');
    await rm(join(copy, 'archive.json'));
    expect(await refusal(copy)).toBe('receipt_files');
  });

  test('is refused without its archive record, though nothing else is missing', async () => {
    const copy = await copyOf(dir);
    await rm(join(copy, 'archive.json'));
    expect(await refusal(copy)).toBe('receipt_binding');
  });

  test('that is none is refused', async () => {
    expect(await refusal(join(keys.home, 'nowhere'))).toBe('folder');
    expect(await refusal(join(keys.home, 'keys'))).toBe('seal_files');
  });
});

/** A copy of a bundle, to be tampered with. */
async function copyOf(dir: string): Promise<string> {
  const copy = await mkdtemp(`${dir}-copy-`);
  await cp(dir, copy, { recursive: true });
  return copy;
}
