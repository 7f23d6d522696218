import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ReceiptPredicate, verifyBundle } from '../../orchestrator/evidence/index.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { burnedBundle, temporaryKeys, type TestKeys } from '../support/bundle.ts';
import { Kit } from '../../tools/vectors/kit.ts';

/*
 * Two runs of the same signers, both truly burned. Whoever has everything but the receipt key swaps parts of one receipt for those of the
 * other; then somebody who even has the key signs such a receipt anew.
 */
let keys: TestKeys;
let here: TemporaryArchive;
let dir: string;
let own: ReceiptPredicate;
let other: ReceiptPredicate;
let kit: Kit;
beforeAll(async () => {
  [keys, here] = await Promise.all([temporaryKeys(), temporaryArchive()]);
  const bundle = await burnedBundle(keys, here.archive, 'one');
  const second = await burnedBundle(keys, here.archive, 'two', {
    run_id: '000000000001',
    task_id: 'task-2',
    machine_id: '00000000-0000-4000-8000-000000000001',
    image_digest: `sha256:${'cd'.repeat(32)}`,
    certificate_serials: ['77'],
    outcome: 'failed',
  });
  dir = bundle.dir;
  [own, other] = [bundle.receipt.predicate, second.receipt.predicate];
  kit = new Kit(new Map(), keys, keys);
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await keys[Symbol.asyncDispose]();
});

const BOUND = [
  'run_id',
  'task_id',
  'machine_id',
  'image_digest',
  'certificate_serials',
  'outcome',
  'evidence_root',
  'archive_sha256',
  'burn_log_sha256',
] as const;

/** Puts other receipt files in place, looks, and puts back what was there. */
async function refusalWith(files: ReadonlyMap<string, Buffer>): Promise<string | undefined> {
  const names = ['receipt.json', 'receipt.dsse.json', 'receipt.pub'];
  const kept = await Promise.all(names.map((name) => readFile(join(dir, name))));
  for (const [name, bytes] of files) await writeFile(join(dir, name), bytes);
  const { verdict, firstFailure } = await verifyBundle(dir, { trust: keys.trust });
  for (const [at, name] of names.entries()) await writeFile(join(dir, name), kept[at] ?? '');
  return verdict === 'refused' ? firstFailure?.code : undefined;
}

describe('a receipt', () => {
  test('signed anew without a change is accepted: the control', async () => {
    expect(await refusalWith(await kit.sign(own))).toBeUndefined();
  });

  test.each(BOUND)('with another run’s %s, without the key, is refused', async (field) => {
    const text = await readFile(join(dir, 'receipt.json'), 'utf8');
    const swap = (value: unknown) => JSON.stringify(value);
    const swapped = text.replaceAll(`"${field}":${swap(own[field])}`, `"${field}":${swap(other[field])}`);
    expect(swapped === text, field).toBe(own[field] === other[field]);
    if (swapped !== text) expect(await refusalWith(new Map([['receipt.json', Buffer.from(swapped)]]))).toBeDefined();
  });

  test.each(BOUND)('with another %s, even signed with the key, is refused', async (field) => {
    const value = field === 'burn_log_sha256' ? '0'.repeat(64) : other[field];
    expect(value).not.toEqual(own[field]);
    expect(await refusalWith(await kit.sign({ ...own, [field]: value }))).toBe('receipt_binding');
  });

  test('that says the seal was missing, and yet archived, is refused', async () => {
    expect(await refusalWith(await kit.sign({ ...own, seal: 'missing' }))).toBe('receipt_binding');
  });

  test('of another run is refused whole, and so is one without ids, and one signed with the evidence key', async () => {
    expect(await refusalWith(await kit.sign(other))).toBe('receipt_binding');
    expect(await refusalWith(await kit.sign({ ...own, ids: [] }))).toBe('absence');
    expect(await refusalWith(await kit.sign(own, keys.evidence))).toBe('receipt_key');
  });

  test('whose ids were changed without the key is refused: they are its first subject, and signed', async () => {
    const text = await readFile(join(dir, 'receipt.json'), 'utf8');
    const [first] = own.ids;
    const changed = text.replace(JSON.stringify(first?.id), JSON.stringify('9999'));
    expect(changed).not.toBe(text);
    expect(await refusalWith(new Map([['receipt.json', Buffer.from(changed)]]))).toBe('receipt_statement');
  });
});
