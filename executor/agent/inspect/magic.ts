/** What a file is by its first bytes, and what they say beside that. */
export interface Kind {
  readonly type: string;
  readonly detail: string;
}

/** Bytes that are looked at: tar has its mark at 257. */
export const HEAD_BYTES = 512;

/** Names the kind of a file from its start. Nothing is executed, unpacked or trusted: it is what the bytes claim. */
export function kindOf(head: Buffer): Kind {
  if (head.length === 0) return { type: 'empty', detail: '' };
  const row = ROWS.find(({ at = 0, bytes }) => head.subarray(at, at + bytes.length).equals(bytes));
  if (row !== undefined) return { type: row.type, detail: row.detail?.(head) ?? '' };
  return isText(head) ? { type: 'text', detail: '' } : { type: 'data', detail: '' };
}

interface Row {
  readonly type: string;
  readonly at?: number;
  readonly bytes: Buffer;
  readonly detail?: (head: Buffer) => string;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Marks of common kinds; the first that fits counts. */
const ROWS: readonly Row[] = [
  { type: 'elf', bytes: latin1('\x7fELF'), detail: describeElf },
  { type: 'script', bytes: latin1('#!'), detail: describeScript },
  { type: 'sqlite', bytes: latin1('SQLite format 3\0') },
  { type: 'gzip', bytes: latin1('\x1f\x8b') },
  { type: 'bzip2', bytes: latin1('BZh') },
  { type: 'xz', bytes: latin1('\xfd7zXZ\0') },
  { type: 'zstd', bytes: latin1('\x28\xb5\x2f\xfd') },
  { type: '7z', bytes: latin1("7z\xbc\xaf'\x1c") },
  { type: 'zip', bytes: latin1('PK\x03\x04') },
  { type: 'zip', bytes: latin1('PK\x05\x06'), detail: () => 'empty' },
  { type: 'rar', bytes: latin1('Rar!\x1a\x07') },
  { type: 'tar', at: 257, bytes: latin1('ustar') },
  { type: 'cpio', bytes: latin1('070701') },
  { type: 'ar', bytes: latin1('!<arch>\n') },
  { type: 'rpm', bytes: latin1('\xed\xab\xee\xdb') },
  { type: 'squashfs', bytes: latin1('hsqs') },
  { type: 'pdf', bytes: latin1('%PDF-') },
  { type: 'postscript', bytes: latin1('%!PS') },
  { type: 'rtf', bytes: latin1('{\\rtf') },
  { type: 'ole', bytes: latin1('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1') },
  { type: 'png', bytes: latin1('\x89PNG\r\n\x1a\n') },
  { type: 'jpeg', bytes: latin1('\xff\xd8\xff') },
  { type: 'gif', bytes: latin1('GIF8') },
  { type: 'pcap', bytes: latin1('\xd4\xc3\xb2\xa1') },
  { type: 'pcapng', bytes: latin1('\x0a\x0d\x0d\x0a') },
  { type: 'wasm', bytes: latin1('\0asm') },
  { type: 'java-class', bytes: latin1('\xca\xfe\xba\xbe') },
  { type: 'mach-o', bytes: latin1('\xcf\xfa\xed\xfe') },
  { type: 'pem', bytes: latin1('-----BEGIN ') },
  { type: 'pe', bytes: latin1('MZ') },
];

/** ELF's own fields: class, data, type, machine (elf(5)). */
function describeElf(head: Buffer): string {
  if (head.length < 20) return 'cut off';
  const read = head[5] === 2 ? head.readUInt16BE.bind(head) : head.readUInt16LE.bind(head);
  const bits = head[4] === 2 ? '64-bit' : '32-bit';
  const type = ELF_TYPES[read(16)] ?? `type ${read(16)}`;
  return `${bits} ${type} for ${ELF_MACHINES[read(18)] ?? `machine ${read(18)}`}`;
}

const ELF_TYPES: Readonly<Record<number, string | undefined>> = {
  1: 'object',
  2: 'executable',
  3: 'shared object',
  4: 'core',
};
const ELF_MACHINES: Readonly<Record<number, string | undefined>> = {
  3: 'x86',
  8: 'mips',
  20: 'powerpc',
  21: 'powerpc64',
  22: 's390',
  40: 'arm',
  62: 'x86-64',
  183: 'aarch64',
  243: 'riscv',
};

/** The interpreter as it stands, cut at the line's end. */
function describeScript(head: Buffer): string {
  const [line = ''] = head.subarray(2, 258).toString('latin1').split('\n');
  return line.trim().replaceAll(/[^\x20-\x7e]/g, '?');
}

/** UTF-8 without control characters but those of text; a character cut at the end of the head is no fault. */
function isText(head: Buffer): boolean {
  const text = new TextDecoder('utf-8').decode(head, { stream: head.length === HEAD_BYTES });
  return !/[\0-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]/.test(text);
}
