import { writeString, writeUint32, writeUint64 } from '../../protocol/index.ts';

/** "SSHKRL", newline, NUL (OpenSSH's PROTOCOL.krl). */
const MAGIC = Buffer.from('SSHKRL\n\0', 'latin1');
const FORMAT_VERSION = 1;
const SECTION_CERTIFICATES = 1;
const SERIAL_LIST = 0x20;

/** A key revocation list as sshd reads it: these serials of this CA, whose key is in its SSH form. An empty list is a list. */
export function encodeKrl(caBlob: Buffer, serials: readonly string[]): Buffer {
  const header = [
    MAGIC,
    writeUint32(FORMAT_VERSION),
    writeUint64(BigInt(serials.length)),
    writeUint64(0n),
    writeUint64(0n),
    writeString(''),
    writeString(''),
  ];
  if (serials.length === 0) return Buffer.concat(header);
  const list = Buffer.concat(serials.map((serial) => writeUint64(BigInt(serial))));
  const section = [writeString(caBlob), writeString(''), Buffer.from([SERIAL_LIST]), writeString(list)];
  return Buffer.concat([...header, Buffer.from([SECTION_CERTIFICATES]), writeString(Buffer.concat(section))]);
}
