import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A partition to be, in sectors. */
export interface Partition {
  readonly name: string;
  readonly type: keyof typeof PARTITION_TYPES;
  readonly firstSector: number;
  readonly sectors: number;
}

/** Types by their GUIDs (UEFI 2.10 section 5.3; GRUB manual "BIOS installation"). */
const PARTITION_TYPES = {
  'bios-boot': '21686148-6449-6E6F-744E-656564454649',
  efi: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
} as const;

export const SECTOR_BYTES = 512;
const ENTRIES = 128;
const ENTRY_BYTES = 128;
const HEADER_BYTES = 92;
/** Sectors of the table of entries. */
const TABLE_SECTORS = (ENTRIES * ENTRY_BYTES) / SECTOR_BYTES;

/** The two copies of a partition table, and where the second one lies. */
export interface PartitionTables {
  /** Sector 0 and following: the protective MBR's entry (without boot code), header and table. */
  readonly first: Buffer;
  readonly last: Buffer;
  readonly lastSector: number;
}

/** Writes a GUID partition table (UEFI 2.10 section 5.3). Its GUIDs come from `seed`: the same disk has the same bytes. */
export function partitionTables(partitions: readonly Partition[], totalSectors: number, seed: string): PartitionTables {
  const table = Buffer.alloc(ENTRIES * ENTRY_BYTES);
  for (const [index, partition] of partitions.entries()) entry(partition, seed).copy(table, index * ENTRY_BYTES);
  const lastTable = totalSectors - 1 - TABLE_SECTORS;
  const header = (own: number, other: number, tableSector: number): Buffer =>
    headerOf({ own, other, tableSector, totalSectors, table, seed });
  return {
    first: Buffer.concat([protectiveMbr(totalSectors), header(1, totalSectors - 1, 2), table]),
    last: Buffer.concat([table, header(totalSectors - 1, 1, lastTable)]),
    lastSector: lastTable,
  };
}

/** What old firmware and old tools read: one partition that takes it all. */
function protectiveMbr(totalSectors: number): Buffer {
  const mbr = Buffer.alloc(SECTOR_BYTES);
  // Bootable, since some BIOSes skip a disk on which nothing is.
  Buffer.from([0x80, 0, 2, 0, 0xee, 0xff, 0xff, 0xff]).copy(mbr, 446);
  mbr.writeUInt32LE(1, 454);
  mbr.writeUInt32LE(Math.min(totalSectors - 1, 0xffff_ffff), 458);
  mbr.writeUInt16LE(0xaa55, 510);
  return mbr;
}

function headerOf(plan: {
  readonly own: number;
  readonly other: number;
  readonly tableSector: number;
  readonly totalSectors: number;
  readonly table: Buffer;
  readonly seed: string;
}): Buffer {
  const header = Buffer.alloc(SECTOR_BYTES);
  header.write('EFI PART', 0, 'latin1');
  header.writeUInt32LE(0x10000, 8);
  header.writeUInt32LE(HEADER_BYTES, 12);
  header.writeBigUInt64LE(BigInt(plan.own), 24);
  header.writeBigUInt64LE(BigInt(plan.other), 32);
  header.writeBigUInt64LE(BigInt(2 + TABLE_SECTORS), 40);
  header.writeBigUInt64LE(BigInt(plan.totalSectors - 2 - TABLE_SECTORS), 48);
  guid(derived(plan.seed, 'disk')).copy(header, 56);
  header.writeBigUInt64LE(BigInt(plan.tableSector), 72);
  header.writeUInt32LE(ENTRIES, 80);
  header.writeUInt32LE(ENTRY_BYTES, 84);
  header.writeUInt32LE(crc32(plan.table), 88);
  header.writeUInt32LE(crc32(header.subarray(0, HEADER_BYTES)), 16);
  return header;
}

function entry({ name, type, firstSector, sectors }: Partition, seed: string): Buffer {
  const bytes = Buffer.alloc(ENTRY_BYTES);
  guid(PARTITION_TYPES[type]).copy(bytes, 0);
  guid(derived(seed, name)).copy(bytes, 16);
  bytes.writeBigUInt64LE(BigInt(firstSector), 32);
  bytes.writeBigUInt64LE(BigInt(firstSector + sectors - 1), 40);
  bytes.write(name, 56, 'utf16le');
  return bytes;
}

/** The first three groups of a GUID are little-endian on disk. */
function guid(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  const groups = [bytes.subarray(0, 4), bytes.subarray(4, 6), bytes.subarray(6, 8)];
  for (const group of groups) group.reverse();
  return bytes;
}

/** A GUID out of a digest, marked as one that was made from a name (RFC 9562 version 8). */
function derived(seed: string, name: string): string {
  const bytes = createHash('sha256').update(`${seed} ${name}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex');
}
