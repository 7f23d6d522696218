/**
 * Reads an address as the kernel's tables write it: the address in hex, in 32-bit words of the machine's byte order (little endian on all
 * that we run on), a colon, the port in hex. Undefined for anything else.
 */
export function readInetAddress(text: string): string | undefined {
  const [, hex = '', port = ''] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/i.exec(text) ?? [];
  if (port === '') return undefined;
  const bytes = Buffer.from(hex, 'hex').swap32();
  const number = parseInt(port, 16);
  return bytes.length === 4 ? `${bytes.join('.')}:${number}` : `[${writeIpv6(bytes)}]:${number}`;
}

/** All eight groups, no `::`: one text per address. */
function writeIpv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16)).join(':');
}
