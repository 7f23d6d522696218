import { decodeBytes } from '../terminal/index.ts';

/** Where a socket was meant to go. `scope` says how far: out of the machine, to the machine itself, or to no network at all. */
export interface SocketAddress {
  readonly family: 'ipv4' | 'ipv6' | 'unix' | 'vsock' | 'packet' | 'other';
  readonly address: string;
  readonly port: number | null;
  readonly scope: 'outside' | 'loopback' | 'local';
}

/**
 * Reads a `struct sockaddr` as the script handed it to the kernel (unix(7), ip(7), ipv6(7), vsock(7)). Undefined for what addresses nobody:
 * netlink (a question to the kernel), AF_UNSPEC (a disconnect), and bytes that are too short to be an address.
 */
export function parseSocketAddress(bytes: Buffer): SocketAddress | undefined {
  if (bytes.length < 2) return undefined;
  switch (bytes.readUInt16LE(0)) {
    case AF.unspecified:
    case AF.netlink:
      return undefined;
    case AF.unix:
      return { family: 'unix', address: readUnixPath(bytes.subarray(2)), port: null, scope: 'local' };
    case AF.ipv4:
      return bytes.length < 8 ? undefined : inet('ipv4', [...bytes.subarray(4, 8)].join('.'), bytes.readUInt16BE(2));
    case AF.ipv6:
      return bytes.length < 24 ? undefined : inet('ipv6', formatIpv6(bytes.subarray(8, 24)), bytes.readUInt16BE(2));
    case AF.vsock:
      return bytes.length < 12 ? undefined : vsock(bytes);
    case AF.packet:
      return { family: 'packet', address: 'a raw network frame', port: null, scope: 'outside' };
    default:
      return { family: 'other', address: `family ${bytes.readUInt16LE(0)}`, port: null, scope: 'outside' };
  }
}

/** Address families of linux/socket.h. */
const AF = { unspecified: 0, unix: 1, ipv4: 2, ipv6: 10, netlink: 16, packet: 17, vsock: 40 } as const;

/** 127.0.0.0/8, 0.0.0.0 (which Linux takes for itself), ::1, ::, and the IPv4 ones written as IPv6. */
const LOOPBACK = /^(?:::ffff:)?(?:127\.|0\.0\.0\.0$)|^::1?$/;

function inet(family: 'ipv4' | 'ipv6', address: string, port: number): SocketAddress {
  return { family, address, port, scope: LOOPBACK.test(address) ? 'loopback' : 'outside' };
}

/** The machine's hypervisor and its neighbours: context ids (vsock(7)). */
function vsock(bytes: Buffer): SocketAddress {
  return { family: 'vsock', address: `cid ${bytes.readUInt32LE(8)}`, port: bytes.readUInt32LE(4), scope: 'outside' };
}

/** A path up to its NUL, or an abstract name, which starts with one and is shown with @ as in /proc/net/unix. */
function readUnixPath(bytes: Buffer): string {
  if (bytes.length === 0) return '(unnamed)';
  if (bytes[0] === 0) return `@${decodeBytes(bytes.subarray(1)).replace(/\0+$/, '')}`;
  const end = bytes.indexOf(0);
  return decodeBytes(bytes.subarray(0, end === -1 ? bytes.length : end));
}

/** RFC 5952: lowercase, the longest run of zero groups left out, IPv4-mapped addresses with their dots. */
function formatIpv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return `::ffff:${[...bytes.subarray(12)].join('.')}`;
  const text = groups.join(':');
  const [longest] = [...text.matchAll(/\b0(?::0)+\b/g)].sort(([a], [b]) => b.length - a.length);
  if (longest === undefined) return text;
  return `${text.slice(0, longest.index)}::${text.slice(longest.index + longest[0].length)}`.replace(/:{3,}/, '::');
}
