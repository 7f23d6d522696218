import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canonicalJson } from '../../executor/protocol/index.ts';
import {
  runFacts,
  sealedBundle,
  temporaryKeys,
  type TestKeys,
  writeStreams,
  agreeingStreams,
} from '../../test/support/bundle.ts';
import { sha256 } from '../../test/support/arrivals.ts';
import { evidenceStatement } from './format/statement.ts';
import { readSeal, sealRun, type SealRequest, signReceipt, verifyBundle } from './index.ts';
import { signStatement } from './keys/sign-statement.ts';

let keys: TestKeys;
beforeAll(async () => {
  keys = await temporaryKeys();
});
afterAll(() => keys[Symbol.asyncDispose]());

/** A run that is ready to be sealed. */
async function unsealed(name: string, changes: Partial<SealRequest> = {}): Promise<SealRequest> {
  const dir = join(keys.home, 'runs', name);
  await mkdir(dir, { recursive: true });
  const streams = await writeStreams(join(keys.home, 'live', name), agreeingStreams());
  return { dir, run: runFacts(), streams, ids: [], archive: null, signer: keys.evidence, ...changes };
}

test('a sealed run is complete, signed, and lists every file', async () => {
  const { dir, seal } = await sealedBundle(keys, 'whole');
  expect(seal.manifest).toMatchObject({ verdict: 'complete', findings: [] });
  expect(seal.manifest.files.map(({ name }) => name)).toEqual([
    ...['arrivals.ndjson', 'audit-file.log', 'audit.log', 'capture.pcapng', 'console.log', 'engine.ndjson'],
    ...['executor.ndjson', 'provider.ndjson', 'relay.ndjson', 'report.json', 'sshd.log'],
  ]);
  expect(seal.manifest.streams.find(({ stream }) => stream === 'executor')).toMatchObject({
    records: 9,
    first_seq: 1,
    last_seq: 9,
  });
  expect(await readSeal(dir, keys.evidence.publicKey)).toEqual(seal);
});

test('sealing again returns the seal that is there, whatever happened to the sources', async () => {
  const request = await unsealed('again');
  const first = await sealRun(request);
  const bytes = await readFile(join(request.dir, 'manifest.json'));
  await rm(join(keys.home, 'live', 'again'), { recursive: true });
  expect(await sealRun(request)).toEqual(first);
  expect(await readFile(join(request.dir, 'manifest.json'))).toEqual(bytes);
});

test.each([
  ['the envelope', 'envelope.dsse.json', ''],
  ['the manifest', 'manifest.json', '{}'],
])('a seal that broke off before %s was written is made anew', async (_, file, content) => {
  const request = await unsealed(`broken-${file}`);
  await sealRun(request);
  await writeFile(join(request.dir, file), content);
  const again = await sealRun(request);
  expect(again.manifest.verdict).toBe('complete');
  expect(await readSeal(request.dir, keys.evidence.publicKey)).toEqual(again);
});

test('a stream that cannot be collected is lost, and the rest is sealed', async () => {
  const request = await unsealed('lossy');
  await rm(join(keys.home, 'live', 'lossy', 'audit'));
  const { manifest } = await sealRun(request);
  expect(manifest.streams.find(({ stream }) => stream === 'audit')).toMatchObject({
    file: null,
    records: 0,
    ended: { how: 'lost', detail: 'could not be collected: ENOENT' },
  });
  expect(manifest).toMatchObject({ verdict: 'gaps' });
  expect(manifest.findings.map(({ code }) => code)).toContain('stream_lost');
});

test('a run that never had a machine is sealed as unknown, not as complete', async () => {
  const ended = { how: 'never_opened', at: '2026-11-23T08:00:00.000Z' } as const;
  const streams = (['sshd', 'executor', 'audit', 'relay', 'engine', 'console'] as const).map((stream) => ({
    stream,
    ended,
  }));
  const request = await unsealed('early', {
    streams,
    run: runFacts({ machine_id: null, image_digest: null, certificate_serials: [] }),
  });
  const { manifest } = await sealRun(request);
  expect(manifest).toMatchObject({ verdict: 'unknown', files: [] });
});

test.each([
  ['a folder', 'not_a_plain_file', (dir: string) => mkdir(join(dir, 'extra'))],
  ['a link', 'not_a_plain_file', (dir: string) => symlink('/etc/passwd', join(dir, 'extra.log'))],
  ['an odd name', 'bad_name', (dir: string) => writeFile(join(dir, '..log'), '')],
] as const)('refuses to seal a folder with %s in it', async (what, code, put) => {
  const request = await unsealed(`odd-${what.replace(' ', '-')}`);
  await put(request.dir);
  await expect(sealRun(request)).rejects.toMatchObject({ code });
});

test('refuses extra files under names that the seal uses or that leave the folder', async () => {
  for (const name of ['manifest.json', 'receipt.pub', '../x', 'A', '']) {
    const request = await unsealed('names', { files: [{ name, content: '' }] });
    await expect(sealRun(request)).rejects.toMatchObject({ code: 'bad_name' });
  }
});

test('refuses facts that no verifier would accept, and another run in the same folder', async () => {
  await expect(sealRun(await unsealed('facts', { run: runFacts({ run_id: '../../etc' }) }))).rejects.toMatchObject({
    code: 'bad_facts',
  });
  const request = await unsealed('other');
  await sealRun(request);
  await expect(sealRun({ ...request, run: runFacts({ run_id: '000000000000' }) })).rejects.toMatchObject({
    code: 'other_run',
  });
});

test('a signer that signs something else, or not at all, seals nothing', async () => {
  const wrong = { ...keys.evidence, sign: (data: Uint8Array, signal: AbortSignal) => keys.receipt.sign(data, signal) };
  const silent = { ...keys.evidence, sign: () => Promise.reject(new Error('the vault is sealed')) };
  for (const signer of [wrong, silent]) {
    const request = await unsealed('unsigned', { signer });
    await expect(sealRun(request)).rejects.toMatchObject({ code: 'signer_failed' });
    expect(await readSeal(request.dir, keys.evidence.publicKey)).toBeUndefined();
  }
});

test('a bundle that calls itself complete and is not is refused, though its signature holds', async () => {
  const streams = agreeingStreams();
  streams.executor.splice(3, 1);
  const honest = await sealedBundle(keys, 'honest', { streams });
  await signReceipt({ dir: honest.dir, run: honest.run, ids: [], signer: keys.receipt });
  expect((await verifyBundle(honest.dir)).checks.find(({ code }) => code === 'verdict')).toMatchObject({
    status: 'ok',
  });
  const lie = { ...honest.seal.manifest, verdict: 'complete' as const, findings: [] };
  const text = canonicalJson(lie);
  const signed = await signStatement(evidenceStatement(lie, sha256(text)), keys.evidence);
  await writeFile(join(honest.dir, 'manifest.json'), text);
  await writeFile(join(honest.dir, 'statement.json'), signed.statement);
  await writeFile(join(honest.dir, 'envelope.dsse.json'), signed.envelope);
  expect((await verifyBundle(honest.dir, { trust: keys.trust })).firstFailure?.code).toBe('verdict');
});
