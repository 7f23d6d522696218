/** "SSHKRL", newline, NUL (OpenSSH's PROTOCOL.krl). */
const MAGIC = Buffer.from('SSHKRL\n\0', 'latin1');
const FORMAT_VERSION = 1;
const SECTION_CERTIFICATES = 1;
const SERIAL_LIST = 0x20;

/** A key revocation list as sshd reads it: these serials of this CA, whose key is in its SSH form. An empty list is a list. */
export function encodeKrl(caBlob: Buffer, serials: readonly string[]): Buffer {
  const header = [
    MAGIC,
    uint32(FORMAT_VERSION),
    uint64(BigInt(serials.length)),
    uint64(0n),
    uint64(0n),
    string(''),
    string(''),
  ];
  if (serials.length === 0) return Buffer.concat(header);
  const list = Buffer.concat(serials.map((serial) => uint64(BigInt(serial))));
  const section = [string(caBlob), string(''), Buffer.from([SERIAL_LIST]), string(list)];
  return Buffer.concat([...header, Buffer.from([SECTION_CERTIFICATES]), string(Buffer.concat(section))]);
}

function string(value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
