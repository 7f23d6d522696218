import { headBlocks, packetBlock, statisticsBlock } from '../../orchestrator/evidence/capture/blocks.ts';
import { chainRelay, STARTED_MS } from './arrivals.ts';

/** One frame on a machine's cable. */
export interface TestFrame {
  readonly from: 'guest' | 'relay';
  readonly bytes: Buffer;
}

/** A TCP segment in a frame, as far as anybody looks at it: no checksum is right. */
export function tcpFrame(from: TestFrame['from'], port: number, flags: number, payload = 0): TestFrame {
  const frame = Buffer.alloc(14 + 20 + 20 + payload);
  frame.writeUInt16BE(0x0800, 12);
  frame.writeUInt8(0x45, 14);
  frame.writeUInt16BE(20 + 20 + payload, 16);
  frame.writeUInt8(6, 23);
  const [relay, guest] = [Buffer.from([10, 0, 2, 2]), Buffer.from([10, 0, 2, 15])];
  (from === 'relay' ? relay : guest).copy(frame, 26);
  (from === 'relay' ? guest : relay).copy(frame, 30);
  frame.writeUInt16BE(from === 'relay' ? port : 22, 34);
  frame.writeUInt16BE(from === 'relay' ? 22 : port, 36);
  frame.writeUInt8(0x50, 46);
  frame.writeUInt8(flags, 47);
  return { from, bytes: frame };
}

const [SYN, ACK] = [0x02, 0x10];

/** Two connections of the relay, and more bytes than it says it sent and received. */
export function framesOfRun(): TestFrame[] {
  return [50_001, 50_002].flatMap((port) => [
    tcpFrame('relay', port, SYN),
    tcpFrame('guest', port, SYN | ACK),
    ...['relay', 'guest'].map((from) => tcpFrame(from as TestFrame['from'], port, ACK, 600)),
  ]);
}

/** A capture of these frames that was closed in order; `dropped` more were not kept. */
export function captureOf(frames: readonly TestFrame[] = framesOfRun(), dropped = 0): Buffer {
  const packets = frames.map(({ from, bytes }, index) => packetBlock(from, bytes, STARTED_MS + index));
  return Buffer.concat([headBlocks(), ...packets, statisticsBlock(frames.length + dropped, dropped, STARTED_MS)]);
}

/** One resource made, as the provider of a run tells it. */
export function providerLog(machineId: string): string[] {
  const calls = [
    { event: 'called', number: 1, call: 'create', resource: 'burnbag:local:Machine' },
    { event: 'returned', number: 1, ok: true, id: machineId },
  ];
  return chainRelay(
    calls.map((record, index) => JSON.stringify({ seq: index + 1, at_ms: STARTED_MS - 5_000 + index, ...record })),
  );
}
