import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runFacts, sealedBundle, temporaryKeys, type TestKeys } from '../../test/support/bundle.ts';
import { proof } from '../../test/support/proof.ts';
import { type BurnProof, LOOKS_APART_MS, signReceipt, verifyBundle } from './index.ts';

let keys: TestKeys;
let dir: string;
beforeAll(async () => {
  keys = await temporaryKeys();
  ({ dir } = await sealedBundle(keys, 'burned'));
});
afterAll(() => keys[Symbol.asyncDispose]());

const process = proof('process', '4242');
const [first, second] = process.observations;

test.each<[string, Partial<BurnProof>, string]>([
  [
    'still there',
    { observations: [{ state: 'present', means: 'kill 0', at: second?.at ?? '' }] },
    'absence_not_proven',
  ],
  [
    'found gone, then there again',
    { observations: process.observations.with(1, { state: 'present', means: 'kill 0', at: second?.at ?? '' }) },
    'absence_not_proven',
  ],
  ['looked for once', { observations: process.observations.slice(1) }, 'absence_not_proven'],
  [
    'looked for twice at the same time',
    { observations: process.observations.map((look) => ({ ...look, at: first?.at ?? '' })) },
    'absence_not_proven',
  ],
  [
    'looked for before it was deleted',
    { deletion: { ...process.deletion, at: second?.at ?? '' } },
    'absence_not_proven',
  ],
  ['looked for in another order than said', { observations: process.observations.toReversed() }, 'absence_not_proven'],
  [
    'deleted by the name of another',
    { deletion: { ...process.deletion, target: proof('process', '4243').target } },
    'deletion_missing',
  ],
])('refuses to sign that an id is gone which was %s', async (_, changes, code) => {
  const ids = [proof('disk', '/x/scratch.img'), { ...process, ...changes }];
  const signing = signReceipt({ dir, run: runFacts(), ids, signer: keys.receipt });
  await expect(signing).rejects.toMatchObject({ code });
  await expect(readFile(join(dir, 'receipt.dsse.json'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('is not signed without an id that the sealed manifest has', async () => {
  const ids = [{ kind: 'process', id: '4242' }] as const;
  const { dir: folder, run } = await sealedBundle(keys, 'known-ids', { ids });
  const request = { dir: folder, run, signer: keys.receipt };
  const signing = signReceipt({ ...request, ids: [proof('disk', '/x/scratch.img')] });
  await expect(signing).rejects.toMatchObject({
    code: 'absence_not_proven',
    expected: 'the proof that process 4242 is gone',
  });
  await signReceipt({ ...request, ids: [proof('disk', '/x/scratch.img'), process] });
  expect((await verifyBundle(folder, { trust: keys.trust })).verdict).toBe('verified');
});

test('says what the evidence says of the run, also when whoever burns knows less', async () => {
  const { dir: folder, run, seal } = await sealedBundle(keys, 'after-crash');
  const less: typeof run = {
    ...run,
    machine_id: null,
    image_digest: null,
    certificate_serials: [],
    outcome: 'interrupted',
  };
  const { predicate } = await signReceipt({ dir: folder, run: pick(less), ids: [process], signer: keys.receipt });
  expect(predicate).toMatchObject({
    machine_id: run.machine_id,
    image_digest: run.image_digest,
    outcome: 'succeeded',
    evidence_root: seal.evidenceRoot,
    archive_sha256: null,
  });
});

test('refuses a folder that holds the evidence of another run or machine', async () => {
  for (const changes of [{ run_id: '000000000000' }, { machine_id: '00000000-0000-4000-8000-000000000000' }]) {
    const signing = signReceipt({ dir, run: pick(runFacts(changes)), ids: [process], signer: keys.receipt });
    await expect(signing).rejects.toMatchObject({ code: 'other_run' });
  }
});

test('is signed for a run whose evidence was never sealed, and says so', async () => {
  const folder = join(keys.home, 'runs', 'unsealed');
  await mkdir(folder);
  const { predicate } = await signReceipt({ dir: folder, run: pick(runFacts()), ids: [process], signer: keys.receipt });
  expect(predicate).toMatchObject({ evidence_root: null, archive_sha256: null });
});

test('signing again returns the receipt that is there', async () => {
  const { dir: folder, run } = await sealedBundle(keys, 'twice');
  const once = await signReceipt({ dir: folder, run: pick(run), ids: [process], signer: keys.receipt });
  const bytes = await readFile(join(folder, 'receipt.dsse.json'));
  expect(await signReceipt({ dir: folder, run: pick(run), ids: [], signer: keys.receipt })).toEqual(once);
  expect(await readFile(join(folder, 'receipt.dsse.json'))).toEqual(bytes);
});

test('looks in the tests are as far apart as a receipt needs', () => {
  expect(Date.parse(second?.at ?? '') - Date.parse(first?.at ?? '')).toBeGreaterThanOrEqual(LOOKS_APART_MS);
});

function pick({
  run_id,
  task_id,
  machine_id,
  image_digest,
  certificate_serials,
  outcome,
}: ReturnType<typeof runFacts>) {
  return { run_id, task_id, machine_id, image_digest, certificate_serials, outcome };
}
