/*
 * The archive format of an initrd (cpio "newc", Linux Documentation/driver-api/early-userspace/buffer-format.rst). The kernel unpacks
 * archives that stand one after the other, and a file of a later one replaces that of an earlier.
 */

/** One file to pack. */
export interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly content: string;
}

/** Content of one file of an uncompressed archive. */
export function readNewc(archive: Buffer, wanted: string): string {
  for (let at = 0; archive.toString('latin1', at, at + 6) === MAGIC;) {
    const [bytes, nameBytes] = [field(archive, at, 6), field(archive, at, 11)];
    const name = archive.toString('latin1', at + HEADER_BYTES, at + HEADER_BYTES + nameBytes - 1);
    const content = aligned(at + HEADER_BYTES + nameBytes);
    if (name.replace(/^\.\//, '') === wanted) return archive.toString('utf8', content, content + bytes);
    at = aligned(content + bytes);
  }
  throw new Error(`expected ${wanted} in the initrd, got an archive without it`);
}

/** An archive to stand behind another one. */
export function writeNewc(entries: readonly Entry[]): Buffer {
  const all = [...entries, { name: 'TRAILER!!!', mode: 0, content: '' }];
  return Buffer.concat(all.map(writeEntry));
}

const MAGIC = '070701';
const HEADER_BYTES = 110;

function field(archive: Buffer, at: number, index: number): number {
  const start = at + 6 + index * 8;
  return Number.parseInt(archive.toString('latin1', start, start + 8), 16);
}

function aligned(offset: number): number {
  return (offset + 3) & ~3;
}

function writeEntry({ name, mode, content }: Entry, index: number): Buffer {
  const body = Buffer.from(content);
  const fields = [index + 1, mode, 0, 0, 1, 0, body.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = MAGIC + fields.map((value) => value.toString(16).padStart(8, '0')).join('');
  const head = Buffer.from(`${header}${name}\0`, 'latin1');
  const start = Buffer.concat([head, Buffer.alloc(aligned(head.length) - head.length)]);
  return Buffer.concat([start, body, Buffer.alloc(aligned(body.length) - body.length)]);
}
