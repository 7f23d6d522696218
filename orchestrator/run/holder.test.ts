import { cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holderOf } from './holder.ts';

let folder = '';
let home = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-holder-'));
  home = join(folder, 'home');
  await mkdir(home);
});
afterEach(() => rm(folder, { recursive: true }));

test('a data directory has one name, which says where it is', async () => {
  const holder = await holderOf(home);
  expect(holder).toMatch(`${hostname()}:${home}#`);
  expect(await holderOf(home)).toBe(holder);
  expect((await stat(join(home, 'holder.json'))).mode & 0o777).toBe(0o600);
});

test('two have two names, and a copy has another one', async () => {
  const holder = await holderOf(home);
  await cp(home, join(folder, 'copy'), { recursive: true });
  const copied = await holderOf(join(folder, 'copy'));
  expect(copied).not.toBe(holder);
  expect(await holderOf(join(folder, 'copy'))).toBe(copied);
  expect(await holderOf(home)).toBe(holder);
});

test('a name that was cut off is made anew', async () => {
  await writeFile(join(home, 'holder.json'), '{"holder":"x');
  expect(await holderOf(home)).toMatch(/#[0-9a-f]{16}$/);
});
