import type { End } from './ends.ts';
import { checksum } from './packet.ts';

/** One TCP segment (RFC 9293). Sequence numbers and windows are as they stand in it. */
export interface Segment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly window: number;
  readonly payload: Buffer;
  /** Only said, and only read, in a SYN: longest payload and by how much windows are shifted (RFC 7323). */
  readonly maxPayload?: number | undefined;
  readonly windowShift?: number | undefined;
}

export const FLAG = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 } as const;

/** Reads a segment; undefined when it is damaged. */
export function readSegment(bytes: Buffer, from: End, to: End): Segment | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const headerBytes = ((bytes[12] ?? 0) >> 4) * 4;
  if (headerBytes < HEADER_BYTES || headerBytes > bytes.length) return undefined;
  if (checksum(bytes, pseudoHeader(bytes.length, from, to)) !== 0) return undefined;
  const flags = bytes[13] ?? 0;
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    sequence: bytes.readUInt32BE(4),
    acknowledgement: bytes.readUInt32BE(8),
    flags,
    window: bytes.readUInt16BE(14),
    payload: bytes.subarray(headerBytes),
    ...((flags & FLAG.syn) === 0 ? {} : readOptions(bytes.subarray(HEADER_BYTES, headerBytes))),
  };
}

/** Writes a segment with its checksum. */
export function writeSegment(segment: Segment, from: End, to: End): Buffer {
  const options = writeOptions(segment);
  const bytes = Buffer.alloc(HEADER_BYTES + options.length + segment.payload.length);
  bytes.writeUInt16BE(segment.sourcePort, 0);
  bytes.writeUInt16BE(segment.destinationPort, 2);
  bytes.writeUInt32BE(segment.sequence, 4);
  bytes.writeUInt32BE(segment.acknowledgement, 8);
  bytes.writeUInt8(((HEADER_BYTES + options.length) / 4) << 4, 12);
  bytes.writeUInt8(segment.flags, 13);
  bytes.writeUInt16BE(segment.window, 14);
  options.copy(bytes, HEADER_BYTES);
  segment.payload.copy(bytes, HEADER_BYTES + options.length);
  bytes.writeUInt16BE(checksum(bytes, pseudoHeader(bytes.length, from, to)), 16);
  return bytes;
}

const HEADER_BYTES = 20;
const TCP = 6;
/** Option kinds. */
const [END, NOTHING, MAX_PAYLOAD, WINDOW_SHIFT] = [0, 1, 2, 3];
/** RFC 7323: a larger shift is taken for this one. */
const SHIFT_MAX = 14;

/** What the checksum covers beside the segment: both addresses, the protocol and the length. */
function pseudoHeader(length: number, from: End, to: End): number {
  const words = [from.ip, to.ip].flatMap((ip) => [ip.readUInt16BE(0), ip.readUInt16BE(2)]);
  return words.reduce((sum, word) => sum + word, TCP + length);
}

function writeOptions({ maxPayload, windowShift }: Segment): Buffer {
  if (maxPayload === undefined || windowShift === undefined) return Buffer.alloc(0);
  return Buffer.from([MAX_PAYLOAD, 4, maxPayload >> 8, maxPayload & 0xff, WINDOW_SHIFT, 3, windowShift, END]);
}

/** Reads as far as the options make sense; what does not is as good as not there. */
function readOptions(options: Buffer): Pick<Segment, 'maxPayload' | 'windowShift'> {
  let [maxPayload, windowShift]: (number | undefined)[] = [];
  for (let at = 0; at < options.length && options[at] !== END;) {
    const length = options[at] === NOTHING ? 1 : (options[at + 1] ?? 0);
    if (length === 0 || at + length > options.length) break;
    if (options[at] === MAX_PAYLOAD && length === 4) maxPayload = options.readUInt16BE(at + 2);
    if (options[at] === WINDOW_SHIFT && length === 3) windowShift = Math.min(options[at + 2] ?? 0, SHIFT_MAX);
    at += length;
  }
  return { maxPayload, windowShift };
}
