/** What a frame is, read as far as it can be: a guest may send anything. */
export interface DescribedFrame {
  /** `arp`, `tcp`, `udp`, `icmp`, `ip protocol N`, `ipv6`, `ethernet 0xNNNN`, or `runt` for one without a head. */
  readonly protocol: string;
  readonly source?: string;
  readonly destination?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Of TCP. */
  readonly flags?: { readonly syn: boolean; readonly ack: boolean; readonly fin: boolean; readonly rst: boolean };
  /** Bytes that TCP or UDP carries. */
  readonly payload?: number;
}

/** Describes one Ethernet frame (RFC 894, 791, 9293, 768). Never throws. */
export function describeFrame(frame: Buffer): DescribedFrame {
  if (frame.length < ETHERNET_BYTES) return { protocol: 'runt' };
  const type = frame.readUInt16BE(12);
  if (type === 0x0806) return { protocol: 'arp' };
  if (type === 0x86dd) return { protocol: 'ipv6' };
  const packet = frame.subarray(ETHERNET_BYTES);
  const headBytes = ((packet[0] ?? 0) & 0x0f) * 4;
  if (type !== 0x0800 || headBytes < IP_BYTES || packet.length < headBytes)
    return { protocol: `ethernet 0x${type.toString(16).padStart(4, '0')}` };
  const [protocol = 0] = packet.subarray(9, 10);
  const [source, destination] = [address(packet, 12), address(packet, 16)];
  // The frame may be padded: what counts is the length that the packet says, where it can be believed.
  const end = Math.max(headBytes, Math.min(packet.readUInt16BE(2), packet.length));
  return { source, destination, ...describeTransport(protocol, packet.subarray(headBytes, end)) };
}

const ETHERNET_BYTES = 14;
const IP_BYTES = 20;
const TCP_BYTES = 20;
const UDP_BYTES = 8;

function describeTransport(protocol: number, bytes: Buffer): DescribedFrame {
  if (protocol === 1) return { protocol: 'icmp' };
  const name = protocol === 6 ? 'tcp' : protocol === 17 ? 'udp' : `ip protocol ${protocol}`;
  const headBytes = protocol === 6 ? ((bytes[12] ?? 0) >> 4) * 4 : UDP_BYTES;
  if ((protocol !== 6 && protocol !== 17) || bytes.length < (protocol === 6 ? TCP_BYTES : UDP_BYTES))
    return { protocol: name };
  const ports = { sourcePort: bytes.readUInt16BE(0), destinationPort: bytes.readUInt16BE(2) };
  const payload = Math.max(0, bytes.length - headBytes);
  const bits = bytes[13] ?? 0;
  const has = (bit: number): boolean => (bits & bit) !== 0;
  const flags = { syn: has(0x02), ack: has(0x10), fin: has(0x01), rst: has(0x04) };
  return { protocol: name, ...ports, payload, ...(protocol === 6 && { flags }) };
}

function address(packet: Buffer, at: number): string {
  return packet.subarray(at, at + 4).join('.');
}
