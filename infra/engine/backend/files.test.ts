import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { isTemporaryOf, listFolder, readIfPresent, temporaryName, writeDurably } from './files.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'files-'));
  file = join(folder, 'deep', 'er', 'dev.json');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** What the disk holds at each fsync: under its own name, and under a temporary one. */
async function watchSyncs(): Promise<(string | undefined)[][]> {
  const seen: (string | undefined)[][] = [];
  await using handle = await open(folder, 'r');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  const sync = Object.getOwnPropertyDescriptor(prototype, 'sync')?.value as (this: FileHandle) => Promise<void>;
  vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    await sync.call(this);
    const names = existsSync(dirname(file)) ? readdirSync(dirname(file)) : [];
    const temporary = names.find((name) => name.endsWith('.tmp'));
    seen.push([await readIfPresent(file), temporary && readFileSync(join(dirname(file), temporary), 'utf8')]);
  });
  return seen;
}

it('syncs the new content before it takes the name, and the name before it says so', async () => {
  await writeDurably(file, 'old');
  const seen = await watchSyncs();
  await writeDurably(file, 'new');
  expect(seen).toEqual([
    ['old', 'new'],
    ['new', undefined],
  ]);
});

it('makes missing folders, each synced into the one above it', async () => {
  const seen = await watchSyncs();
  await writeDurably(file, 'text');
  expect(seen.length).toBe(4);
  expect(seen.at(-1)).toEqual(['text', undefined]);
});

it('keeps the previous content under its second name, and leaves no temporary file', async () => {
  await writeDurably(file, 'one', { keepPrevious: `${file}.bak` });
  await writeDurably(file, 'two', { keepPrevious: `${file}.bak` });
  expect(readFileSync(`${file}.bak`, 'utf8')).toBe('one');
  expect(readdirSync(dirname(file)).toSorted()).toEqual(['dev.json', 'dev.json.bak']);
});

it('a write that cannot be leaves the old content and nothing else', async () => {
  await writeDurably(join(folder, 'dev.json'), 'old');
  await expect(writeDurably(join(folder, 'dev.json', 'x'), 'new')).rejects.toMatchObject({ code: 'ENOTDIR' });
  expect(readdirSync(folder)).toEqual(['dev.json']);
});

it('knows again what a killed writer left, and nothing else', () => {
  for (const path of ['dev.json', 'dev.json.bak', 'dev.json.lock'])
    expect(isTemporaryOf(temporaryName(path), 'dev.json')).toBe(true);
  for (const name of ['dev.json', 'dev.json.bak', 'dev2.json.0123456789abcdef.tmp', 'dev.json.xyz.tmp'])
    expect(isTemporaryOf(name, 'dev.json')).toBe(false);
});

it('tells what is not there from what cannot be read', async () => {
  expect(await readIfPresent(join(folder, 'nothing'))).toBeUndefined();
  expect(await listFolder(join(folder, 'nothing'))).toEqual([]);
  writeFileSync(join(folder, 'file'), '');
  await expect(listFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(readIfPresent(folder)).rejects.toMatchObject({ code: 'EISDIR' });
});
