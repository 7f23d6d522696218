import { cp, link, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CheckCode, NOBODY, verifyBundle } from '../../orchestrator/evidence/index.ts';
import { temporaryArchive, type TemporaryArchive } from '../support/archive.ts';
import { burnedBundle, temporaryKeys, type TestKeys } from '../support/bundle.ts';

/*
 * A bundle that was sealed, archived and burned, and everything one can do to it afterwards: whatever it is, it must be refused.
 * Files of up to a hundred and fifty bytes are tried byte by byte, larger ones at random places.
 */
const WHOLE_FILE_BYTES = 150;
const SAMPLES_PER_FILE = 60;

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

  test('is refused after any one byte of any file changed', { timeout: 120_000 }, async () => {
    expect(names.length).toBe(20);
    for (const name of names) {
      const { length } = await readFile(join(dir, name));
      const flip = (at: number, mask: number) =>
        withBytes(name, (bytes) => Buffer.from(bytes.with(at, (bytes[at] ?? 0) ^ mask)), isRefused);
      if (length <= WHOLE_FILE_BYTES) for (let at = 0; at < length; at += 1) await flip(at, 1 << (at % 8));
      const place = fc.tuple(fc.nat(length - 1), fc.integer({ min: 1, max: 255 }));
      await fc.assert(
        fc.asyncProperty(place, ([at, mask]) => flip(at, mask)),
        { numRuns: SAMPLES_PER_FILE },
      );
    }
  });

  test('is refused after any file was shortened, lengthened, emptied or lost', async () => {
    for (const name of names) {
      await withBytes(name, (bytes) => bytes.subarray(0, -1), isRefused);
      await withBytes(name, (bytes) => bytes.subarray(1), isRefused);
      await withBytes(name, (bytes) => bytes.subarray(0, bytes.length / 2), isRefused);
      await withBytes(name, () => Buffer.alloc(0), isRefused);
      for (const more of ['\n', ' ', '\0'])
        await withBytes(name, (bytes) => Buffer.concat([bytes, Buffer.from(more)]), isRefused);
      await rename(join(dir, name), join(keys.home, 'aside'));
      await isRefused();
      await rename(join(keys.home, 'aside'), join(dir, name));
    }
    expect(await refusal()).toBeUndefined();
  });

  test('is refused after any two files changed places', async () => {
    for (const [index, a] of names.entries()) {
      for (const b of names.slice(index + 1)) {
        const [bytesA, bytesB] = await Promise.all([readFile(join(dir, a)), readFile(join(dir, b))]);
        await withBytes(
          a,
          () => bytesB,
          () => withBytes(b, () => bytesA, isRefused),
        );
      }
    }
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

  test.each([
    ['a file that is not listed', 'file_list', (folder: string) => writeFile(join(folder, 'extra.log'), 'x')],
    ['a hidden file', 'folder', (folder: string) => writeFile(join(folder, '.extra'), 'x')],
    ['a name with a space', 'folder', (folder: string) => writeFile(join(folder, 'a b'), 'x')],
    ['a name in capitals', 'folder', (folder: string) => writeFile(join(folder, 'SSHD.LOG'), 'x')],
    ['a name that drives terminals', 'folder', (folder: string) => writeFile(join(folder, '\u001b[2Ja'), 'x')],
    ['a folder', 'folder', (folder: string) => mkdir(join(folder, 'extra'))],
    ['a symbolic link', 'folder', (folder: string) => symlink('sshd.log', join(folder, 'extra.log'))],
    ['a link in place of a file', 'folder', (folder: string) => replaceByLink(folder, 'sshd.log')],
    ['a second name of a file', 'folder', (folder: string) => link(join(folder, 'sshd.log'), `${folder}-second-name`)],
  ] satisfies [string, CheckCode, (folder: string) => Promise<unknown>][])(
    'is refused with %s: %s',
    async (_, code, tamper) => {
      const copy = await copyOf(dir);
      await tamper(copy);
      expect(await refusal(copy)).toBe(code);
    },
  );

  test('that is none is refused', async () => {
    expect(await refusal(join(keys.home, 'nowhere'))).toBe('folder');
    expect(await refusal(join(keys.home, 'keys'))).toBe('seal_files');
  });
});

async function replaceByLink(folder: string, name: string): Promise<void> {
  await rename(join(folder, name), `${folder}-${name}`);
  await symlink(`${folder}-${name}`, join(folder, name));
}

/** A copy of a bundle, to be tampered with. */
async function copyOf(dir: string): Promise<string> {
  const copy = await mkdtemp(`${dir}-copy-`);
  await cp(dir, copy, { recursive: true });
  return copy;
}
