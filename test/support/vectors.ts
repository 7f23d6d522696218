import { cp, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import {
  type CheckCode,
  CHECKS,
  type KeyPurpose,
  readAuthorities,
  readKeyFile,
  type VerifyOptions,
} from '../../orchestrator/evidence/index.ts';

/** Where the vectors lie. */
export const VECTORS = join(import.meta.dirname, '..', 'vectors');

const Codes = z.enum(Object.keys(CHECKS) as [CheckCode, ...CheckCode[]]);
const Names = z.array(z.string());
const Pairs = z.record(z.string(), z.string());

/** One row of cases.json: what is done to test/vectors/bundle, whose keys are trusted, and what a verifier must say. */
export const VectorCase = z.strictObject({
  name: z.string().regex(/^[a-z-]+$/),
  why: z.string(),
  expect: z.strictObject({
    verdict: z.enum(['verified', 'self_consistent', 'refused']),
    first_failure: Codes.nullable(),
  }),
  /** Of which purposes the key in test/vectors/keys is given to the verifier; `tsa`: the authority's certificate. */
  trusted: z.array(z.enum(['evidence', 'receipt', 'tsa'])).readonly(),
  /** Files of cases/NAME that take the place of the bundle's. */
  replaced: Names,
  removed: Names.optional(),
  /** Small files by name, whatever name. */
  added: Pairs.optional(),
  folders: Names.optional(),
  /** By name: the file it leads to. A file of that name goes first. */
  symlinks: Pairs.optional(),
  /** By name: the file that it is, once more. */
  hard_links: Pairs.optional(),
});
export type VectorCase = z.infer<typeof VectorCase>;

export async function readCases(): Promise<readonly VectorCase[]> {
  return z.array(VectorCase).parse(JSON.parse(await readFile(join(VECTORS, 'cases.json'), 'utf8')));
}

export function keyFile(purpose: KeyPurpose): string {
  return join(VECTORS, 'keys', `${purpose}.pub`);
}

/** The certificate of the CA of the vectors' timestamp authority. */
export const TSA_CA = join(VECTORS, 'keys', 'tsa-ca.pem');

/** Whom a case trusts; everybody whose keys are there, unless it says. */
export async function trustOf(
  trusted: VectorCase['trusted'] = ['evidence', 'receipt', 'tsa'],
): Promise<Required<VerifyOptions>> {
  const keysOf = (purpose: KeyPurpose) => (trusted.includes(purpose) ? readKeyFile(keyFile(purpose)) : []);
  const trust = { evidence: await keysOf('evidence'), receipt: await keysOf('receipt') };
  return { trust, authorities: trusted.includes('tsa') ? await readAuthorities(TSA_CA) : [] };
}

/** A copy of the vectors' bundle, changed as a case says. */
export async function layOut(one?: VectorCase): Promise<{ readonly dir: string } & AsyncDisposable> {
  const parent = await mkdtemp(join(tmpdir(), 'burnbag-vector-'));
  const dir = join(parent, 'bundle');
  await cp(join(VECTORS, 'bundle'), dir, { recursive: true });
  if (one !== undefined) await change(dir, one);
  return { dir, [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) };
}

async function change(dir: string, one: VectorCase): Promise<void> {
  const { name, replaced, removed = [], added = {}, folders = [], symlinks = {}, hard_links: hardLinks = {} } = one;
  for (const file of replaced) await cp(join(VECTORS, 'cases', name, file), join(dir, file));
  for (const file of [...removed, ...Object.keys(symlinks)]) await rm(join(dir, file), { force: true });
  for (const [file, text] of Object.entries(added)) await writeFile(join(dir, file), text);
  for (const folder of folders) await mkdir(join(dir, folder));
  for (const [file, target] of Object.entries(symlinks)) await symlink(target, join(dir, file));
  for (const [file, target] of Object.entries(hardLinks)) await link(join(dir, target), join(dir, file));
}
