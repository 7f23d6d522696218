/*
 * The packet capture is a pcapng file (draft-ietf-opsawg-pcapng), readable by Wireshark and tcpdump: one section, one interface (the relay's end of
 * the machine's cable), one enhanced packet block a frame, and at the end one block of statistics, which says how many frames crossed
 * and how many of them were not kept. Little-endian; times in microseconds.
 */

/** Which end sent a frame. */
export type FrameSender = 'guest' | 'relay';

export const BLOCK = { section: 0x0a0d0d0a, interface: 1, statistics: 5, packet: 6 } as const;
export const BYTE_ORDER = 0x1a2b3c4d;
export const LINK_ETHERNET = 1;
/** Type and length before a block's body, length once more behind it. */
export const BLOCK_BYTES = 12;
/** Longest block that is written or read: QEMU's longest frame, and room for what stands around it. */
export const BLOCK_MAX_BYTES = 128 * 1024;
/** A packet block's body before its frame: interface, time in two halves, length kept, length on the cable. */
export const PACKET_HEAD_BYTES = 20;

/** Options by block. */
export const OPTION = { end: 0, applicationName: 4, interfaceName: 2, flags: 2, received: 4, dropped: 5 } as const;
/** The flags option: towards the interface, or away from it. */
export const DIRECTION: Readonly<Record<FrameSender, number>> = { guest: 1, relay: 2 };

/** What stands at the beginning of every capture. */
export function headBlocks(): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(BYTE_ORDER, 0);
  section.writeUInt16LE(1, 4);
  section.writeBigInt64LE(-1n, 8);
  const link = Buffer.alloc(8);
  link.writeUInt16LE(LINK_ETHERNET, 0);
  return Buffer.concat([
    block(BLOCK.section, section, option(OPTION.applicationName, Buffer.from('burnbag')), END_OF_OPTIONS),
    block(BLOCK.interface, link, option(OPTION.interfaceName, Buffer.from('cable')), END_OF_OPTIONS),
  ]);
}

/** One frame. */
export function packetBlock(from: FrameSender, frame: Buffer, atMs: number): Buffer {
  const head = Buffer.alloc(PACKET_HEAD_BYTES);
  writeTime(head, 4, atMs);
  head.writeUInt32LE(frame.length, 12);
  head.writeUInt32LE(frame.length, 16);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(DIRECTION[from]);
  return block(BLOCK.packet, head, padded(frame), option(OPTION.flags, flags), END_OF_OPTIONS);
}

/** The last block: how many frames crossed, and how many of them are not in the file. */
export function statisticsBlock(received: number, dropped: number, atMs: number): Buffer {
  const head = Buffer.alloc(12);
  writeTime(head, 4, atMs);
  return block(
    BLOCK.statistics,
    head,
    option(OPTION.received, count(received)),
    option(OPTION.dropped, count(dropped)),
    END_OF_OPTIONS,
  );
}

const END_OF_OPTIONS = Buffer.alloc(4);

function block(type: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, BLOCK_BYTES);
  const [head, tail] = [Buffer.alloc(8), Buffer.alloc(4)];
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  tail.writeUInt32LE(length);
  return Buffer.concat([head, ...parts, tail]);
}

function option(code: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
}

function padded(bytes: Buffer): Buffer {
  const missing = -bytes.length & 3;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}

function count(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function writeTime(into: Buffer, at: number, atMs: number): void {
  const micros = BigInt(atMs) * 1_000n;
  into.writeUInt32LE(Number(micros >> 32n), at);
  into.writeUInt32LE(Number(micros & 0xffff_ffffn), at + 4);
}
