import { mkdtemp, open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { folderOf, imageFolder, type ImageInfo } from '../current.ts';
import { sha256OfFile } from '../digest.ts';
import { ImageError } from '../error.ts';
import { RECIPE_ROOT } from '../inputs.ts';
import { runStep, type StepOptions } from '../step.ts';
import { partitionTables, SECTOR_BYTES, type Partition } from './gpt.ts';
import { bakedWords, type BakedFacts } from './words.ts';

/** A disk image that boots on EC2, by BIOS or UEFI, from the files of a sandbox image. */
export interface DiskImage {
  readonly file: string;
  readonly bytes: number;
  /** Of the disk: the sandbox image and what is baked in. */
  readonly sha256: string;
  /** Of the sandbox image it was made from. */
  readonly imageDigest: string;
}

export interface DiskOptions extends BakedFacts {
  readonly home: string;
  readonly image: ImageInfo;
  readonly step: StepOptions;
  /** Where the disk goes; its folder exists. */
  readonly file: string;
}

/** Makes a disk image: boot loaders for both kinds of firmware, and the read-only root as a partition. The same inputs give the same bytes. */
export async function buildDisk(options: DiskOptions): Promise<DiskImage> {
  const { home, image, step, file } = options;
  const base = join(imageFolder(home), `.base-${folderOf(image.builtFrom.recipe)}`);
  await stat(join(base, 'kernel.deb')).catch((cause: unknown) => {
    throw noBase(base, cause);
  });
  const work = await mkdtemp(join(dirname(file), '.disk-'));
  try {
    const script = join(RECIPE_ROOT, 'aws', 'boot.sh');
    await runStep(script, [image.directory, base, bakedWords(options), work], step);
    const made = join(work, 'disk.img');
    const bytes = await assemble(made, work, image);
    await rename(made, file);
    return { file, bytes, sha256: await sha256OfFile(file), imageDigest: image.digest };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const MEBIBYTE = 1024 * 1024;
const SECTORS_PER_MEBIBYTE = MEBIBYTE / SECTOR_BYTES;
/** EBS has whole gibibytes. */
const GIBIBYTE = 1024 * MEBIBYTE;

/**
 * Partitions begin at whole mebibytes: 1 the BIOS loader, 2 what both loaders read, 3 the root image, 4 where the initrd notes that the
 * machine has started, so that it starts once (see images/recipe/initrd-init).
 */
async function assemble(file: string, work: string, image: ImageInfo): Promise<number> {
  const [esp, root] = [join(work, 'esp.img'), join(image.directory, 'root.img')];
  const espMiB = await mebibytes(esp);
  const rootMiB = await mebibytes(root);
  const bytes = Math.ceil(((espMiB + rootMiB + 4) * MEBIBYTE) / GIBIBYTE) * GIBIBYTE;
  const at = (mebibyte: number, size: number): Pick<Partition, 'firstSector' | 'sectors'> => ({
    firstSector: mebibyte * SECTORS_PER_MEBIBYTE,
    sectors: size * SECTORS_PER_MEBIBYTE,
  });
  const partitions: readonly Partition[] = [
    { name: 'burnbag-bios', type: 'bios-boot', ...at(1, 1) },
    { name: 'burnbag-boot', type: 'efi', ...at(2, espMiB) },
    { name: 'burnbag-root', type: 'linux', ...at(2 + espMiB, rootMiB) },
    { name: 'burnbag-boots', type: 'linux', ...at(2 + espMiB + rootMiB, 1) },
  ];
  const tables = partitionTables(partitions, bytes / SECTOR_BYTES, image.digest);
  await using disk = await open(file, 'wx+', 0o644);
  await disk.truncate(bytes);
  await disk.write(tables.first, 0, tables.first.length, 0);
  await disk.write(tables.last, 0, tables.last.length, tables.lastSector * SECTOR_BYTES);
  const core = await readFile(join(work, 'core.img'));
  await disk.write(bootSector(await readFile(join(work, 'boot.img')), tables.first), 0, SECTOR_BYTES, 0);
  await disk.write(coreImage(core), 0, core.length, MEBIBYTE);
  await copyInto(disk, esp, 2 * MEBIBYTE);
  await copyInto(disk, root, (2 + espMiB) * MEBIBYTE);
  await disk.sync();
  return bytes;
}

/*
 * GRUB's first two stages know sectors, not files (grub-core/boot/i386/pc/boot.S and diskboot.S of GRUB 2.06): where the next one lies is
 * written into them here, as grub-bios-setup would on an installed system.
 */
const BOOT_CODE_BYTES = 440;
const BOOT_NEXT_SECTOR = 0x5c;
/** A jump that is taken for floppies; on a hard disk the BIOS's own drive number is used. */
const BOOT_DRIVE_CHECK = 0x66;
const NOP_NOP = 0x9090;
/** The end of the second stage's sector: first sector, length and segment of what it loads; the last two are right as they come. */
const CORE_NEXT_SECTOR = 0x1f4;

function bootSector(bootImage: Buffer, table: Buffer): Buffer {
  const sector = Buffer.from(table.subarray(0, SECTOR_BYTES));
  bootImage.copy(sector, 0, 0, BOOT_CODE_BYTES);
  sector.writeBigUInt64LE(BigInt(SECTORS_PER_MEBIBYTE), BOOT_NEXT_SECTOR);
  sector.writeUInt16LE(NOP_NOP, BOOT_DRIVE_CHECK);
  return sector;
}

function coreImage(core: Buffer): Buffer {
  core.writeBigUInt64LE(BigInt(SECTORS_PER_MEBIBYTE + 1), CORE_NEXT_SECTOR);
  return core;
}

async function mebibytes(file: string): Promise<number> {
  return Math.ceil((await stat(file)).size / MEBIBYTE);
}

/** Zeros are not written: the file stays sparse, and an upload skips what was never there. */
async function copyInto(disk: FileHandle, file: string, offset: number): Promise<void> {
  await using source = await open(file, 'r');
  const piece = Buffer.alloc(MEBIBYTE);
  for (let at = 0; ;) {
    const { bytesRead } = await source.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return;
    const part = piece.subarray(0, bytesRead);
    if (!part.equals(ZEROS.subarray(0, bytesRead))) await disk.write(part, 0, bytesRead, offset + at);
    at += bytesRead;
  }
}

const ZEROS = Buffer.alloc(MEBIBYTE);

function noBase(base: string, cause: unknown): ImageError {
  const hint = 'remove image/current.json and run `burnbag setup`, which builds image and base again';
  return new ImageError(
    'no_image',
    { expected: `what the image was made from in ${base}`, got: (cause as Error).message, hint },
    { cause },
  );
}
