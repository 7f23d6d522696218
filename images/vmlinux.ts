import { readFile, writeFile } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { ImageError } from './error.ts';

/**
 * Cuts the uncompressed kernel out of a bzImage. QEMU enters an ELF kernel by PVH, and so no decompressor has to run under emulation.
 * The header's fields are those of the x86 boot protocol (Documentation/arch/x86/boot.rst): setup_sects, payload_offset, payload_length.
 */
export async function cutKernel(bzImage: string, vmlinux: string): Promise<void> {
  const image = await readFile(bzImage);
  const setupSectors = image.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
  if (payload.readUInt32LE(0) !== ZSTD_MAGIC) throw unknownKernel('a kernel compressed with zstd', payload);
  // The last four bytes are the uncompressed size, not part of the frame.
  const kernel = zstdDecompressSync(payload.subarray(0, -4));
  if (kernel.readUInt32BE(0) !== ELF_MAGIC) throw unknownKernel('an ELF file inside', kernel);
  await writeFile(vmlinux, kernel);
}

const ZSTD_MAGIC = 0xfd2fb528;
const ELF_MAGIC = 0x7f454c46;

function unknownKernel(expected: string, got: Buffer): ImageError {
  const hint = 'Debian changed how it packs kernels: images/vmlinux.ts must learn it';
  return new ImageError('unknown_kernel', { expected, got: `bytes ${got.subarray(0, 4).toString('hex')}`, hint });
}
