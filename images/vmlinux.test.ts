import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cutKernel } from './vmlinux.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-vmlinux-'));
});
afterEach(() => rm(folder, { recursive: true }));

const ELF = Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(5000, 7)]);

async function cut(payload: Buffer): Promise<Buffer> {
  const [bzImage, vmlinux] = [join(folder, 'bzImage'), join(folder, 'vmlinux')];
  const [sectors, gap] = [2, 16];
  const image = Buffer.alloc((sectors + 1) * 512 + gap + payload.length + 100);
  image.writeUInt8(sectors, 0x1f1);
  image.writeUInt32LE(gap, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  payload.copy(image, (sectors + 1) * 512 + gap);
  await writeFile(bzImage, image);
  await cutKernel(bzImage, vmlinux);
  return readFile(vmlinux);
}

const withSize = (frame: Buffer): Buffer => Buffer.concat([frame, Buffer.from([1, 2, 3, 4])]);

test('takes the ELF kernel out of a bzImage', async () => {
  expect(await cut(withSize(zstdCompressSync(ELF)))).toEqual(ELF);
});

test('refuses another compression', async () => {
  await expect(cut(Buffer.from('1f8b080000000000', 'hex'))).rejects.toMatchObject({ code: 'unknown_kernel' });
});

test('refuses a payload that is no ELF file', async () => {
  await expect(cut(withSize(zstdCompressSync(Buffer.alloc(100))))).rejects.toMatchObject({ code: 'unknown_kernel' });
});
