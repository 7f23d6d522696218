import type { End } from './ends.ts';

/** What a frame is, as far as the wire cares. Everything it does not carry is named for the count of what was dropped. */
export type Packet =
  { readonly kind: 'arp_request' } | { readonly kind: 'tcp'; readonly bytes: Buffer } | { readonly kind: Dropped };

/** Why a frame is not carried. */
export type Dropped = (typeof DROPPED)[number];
export const DROPPED = ['foreign_ethernet', 'foreign_arp', 'foreign_ip', 'fragment', 'not_tcp', 'malformed'] as const;

/** Says what a frame from `from` to `to` is. Only two things are carried: "who has this address?" and TCP, unfragmented, between exactly these two ends. */
export function readPacket(frame: Buffer, from: End, to: End): Packet {
  if (frame.length < ETHERNET_BYTES) return { kind: 'malformed' };
  const type = frame.readUInt16BE(12);
  if (!frame.subarray(6, 12).equals(from.mac)) return { kind: 'foreign_ethernet' };
  if (type === ARP) return isArpRequest(frame, from, to) ? { kind: 'arp_request' } : { kind: 'foreign_arp' };
  if (type !== IPV4 || !frame.subarray(0, 6).equals(to.mac)) return { kind: 'foreign_ethernet' };
  return readIpv4(frame.subarray(ETHERNET_BYTES), from, to);
}

/** "The address of `from` is at its card", said to `to` (RFC 826). */
export function writeArpReply(from: End, to: End): readonly Buffer[] {
  return [ethernet(from, to, ARP), ARP_HEADER, REPLY, from.mac, from.ip, to.mac, to.ip];
}

/** A frame with one TCP segment in it (RFC 791, without options; never to be fragmented). */
export function writeIpv4(from: End, to: End, segment: Buffer): readonly Buffer[] {
  const header = Buffer.alloc(IP_BYTES);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(IP_BYTES + segment.length, 2);
  header.writeUInt16BE(DO_NOT_FRAGMENT, 6);
  header.writeUInt8(64, 8);
  header.writeUInt8(TCP, 9);
  from.ip.copy(header, 12);
  to.ip.copy(header, 16);
  header.writeUInt16BE(checksum(header), 10);
  return [ethernet(from, to, IPV4), header, segment];
}

/** The internet checksum (RFC 1071): zero over anything that carries its own. `start` adds words that are not in the buffer. */
export function checksum(bytes: Buffer, start = 0): number {
  let sum = start;
  const even = bytes.length & ~1;
  for (let at = 0; at < even; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (even !== bytes.length) sum += (bytes[even] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

const ETHERNET_BYTES = 14;
const IPV4 = 0x0800;
const ARP = 0x0806;
/** Hardware type ethernet, protocol type IPv4, and the lengths of their addresses. */
const ARP_HEADER = Buffer.from([0, 1, 8, 0, 6, 4]);
const [REQUEST, REPLY] = [Buffer.from([0, 1]), Buffer.from([0, 2])];
const ARP_BYTES = 28;
const IP_BYTES = 20;
const TCP = 6;
const DO_NOT_FRAGMENT = 0x4000;
/** Everything in the field but "do not fragment": more fragments, and an offset. */
const FRAGMENT_MASK = 0x3fff;

function ethernet(from: End, to: End, type: number): Buffer {
  const tail = Buffer.alloc(2);
  tail.writeUInt16BE(type);
  return Buffer.concat([to.mac, from.mac, tail]);
}

function isArpRequest(frame: Buffer, from: End, to: End): boolean {
  const arp = frame.subarray(ETHERNET_BYTES, ETHERNET_BYTES + ARP_BYTES);
  return (
    arp.length === ARP_BYTES &&
    arp.subarray(0, 6).equals(ARP_HEADER) &&
    arp.subarray(6, 8).equals(REQUEST) &&
    arp.subarray(14, 18).equals(from.ip) &&
    arp.subarray(24, 28).equals(to.ip)
  );
}

function readIpv4(packet: Buffer, from: End, to: End): Packet {
  const headerBytes = ((packet[0] ?? 0) & 0x0f) * 4;
  if (packet.length < IP_BYTES || (packet[0] ?? 0) >> 4 !== 4 || headerBytes < IP_BYTES) return { kind: 'malformed' };
  const total = packet.readUInt16BE(2);
  if (total < headerBytes || total > packet.length) return { kind: 'malformed' };
  if (!packet.subarray(12, 16).equals(from.ip) || !packet.subarray(16, 20).equals(to.ip)) return { kind: 'foreign_ip' };
  if ((packet.readUInt16BE(6) & FRAGMENT_MASK) !== 0) return { kind: 'fragment' };
  if (packet[9] !== TCP) return { kind: 'not_tcp' };
  if (checksum(packet.subarray(0, headerBytes)) !== 0) return { kind: 'malformed' };
  return { kind: 'tcp', bytes: packet.subarray(headerBytes, total) };
}
