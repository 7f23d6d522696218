import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileSigner, readTrustedKeys, TIMESTAMP_FILE, verifyBundle } from '../../orchestrator/evidence/index.ts';
import { burnbag } from '../../test/support/burnbag.ts';
import { makeTestHome, type TestHome } from '../../test/support/home.ts';
import { makeAuthority, type Signer, type TestAuthority } from '../../test/support/tsa/authority.ts';
import { startTsa } from '../../test/support/tsa/server.ts';
import { TSA_CA, type VectorCase } from '../../test/support/vectors.ts';
import { ROOT } from '../programs.ts';
import { type Bundle, Kit } from './kit.ts';
import { TAMPERINGS } from './tamperings.ts';

const VECTORS = join(ROOT, 'test', 'vectors');

/** Short, with something refused in it, so that every kind of record is in the bundle. */
const SCRIPT = '#!/bin/sh\nid -un\ncat /etc/shadow\nwget -q -T 2 -O - http://198.51.100.7/ || true\nexit 0\n';

/**
 * `npm run vectors`: makes test/vectors anew. One real run gives the bundle; its keys sign what a tampered one needs signed, and are thrown away
 * with the data directory. After a change of the format, or of what the witnesses find, this is how the vectors follow.
 */
export async function makeVectors(): Promise<number> {
  await using place = await makeTestHome();
  await using authority = await makeAuthority('Vector CA');
  await using another = await makeAuthority('Another CA');
  const [own, stranger] = [await authority.issue('own'), await another.issue('stranger')];
  const bundle = await realBundle(place, authority, own);
  await using strangers = await makeTestHome();
  const kit = new Kit(bundle, await signersOf(place.home), await signersOf(strangers.home), (bytes, by) =>
    by === 'own' ? authority.stamp(bytes, own) : another.stamp(bytes, stranger),
  );
  for (const name of ['bundle', 'cases', 'keys']) await rm(join(VECTORS, name), { recursive: true, force: true });
  await writeAll(join(VECTORS, 'bundle'), bundle);
  await writeAll(
    join(VECTORS, 'keys'),
    new Map(Object.entries(kit.own).map(([purpose, { publicKey }]) => [`${purpose}.pub`, Buffer.from(publicKey.pem)])),
  );
  await writeFile(TSA_CA, authority.pem);
  const cases: VectorCase[] = [];
  for (const { name, why, expect, trusted = EVERYBODY, change } of TAMPERINGS) {
    const { files = new Map<string, Buffer>(), ...rest } = await change(kit);
    await writeAll(join(VECTORS, 'cases', name), files);
    cases.push({ name, why, expect, trusted, replaced: [...files.keys()], ...rest });
  }
  await writeFile(join(VECTORS, 'cases.json'), `${JSON.stringify(cases, null, 2)}\n`);
  console.log(`test/vectors: ${bundle.size} files, ${cases.length} cases`);
  return 0;
}

const EVERYBODY = ['evidence', 'receipt', 'tsa'] as const;

async function realBundle(place: TestHome, authority: TestAuthority, signer: Signer): Promise<Bundle> {
  await using tsa = await startTsa(async (query) => ({ body: await authority.reply(query, signer) }));
  await place.configure({ timestamp: { url: tsa.url, ca_file: authority.caFile } });
  const { exitCode, stderr } = await burnbag(place, ['detonate', await place.write('vector.sh', SCRIPT)]);
  const [run] = await readdir(join(place.home, 'runs'));
  if (exitCode !== 0 || run === undefined) throw new Error(`expected a run that succeeds, got ${exitCode}: ${stderr}`);
  const dir = join(place.home, 'runs', run);
  const { verdict, manifest } = await verifyBundle(dir, { trust: await readTrustedKeys(place.home) });
  if (verdict !== 'verified' || manifest?.verdict !== 'complete')
    throw new Error(`expected complete evidence, got ${verdict}, ${manifest?.verdict ?? 'no manifest'}`);
  const names = (await readdir(dir)).sort();
  if (!names.includes(TIMESTAMP_FILE)) throw new Error(`expected a timestamp, got ${stderr}`);
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(dir, name))] as const)));
}

async function signersOf(home: string) {
  return { evidence: await openFileSigner(home, 'evidence'), receipt: await openFileSigner(home, 'receipt') };
}

async function writeAll(folder: string, files: Bundle): Promise<void> {
  if (files.size > 0) await mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
}
