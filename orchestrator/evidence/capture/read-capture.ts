import {
  BLOCK,
  BLOCK_BYTES,
  BLOCK_MAX_BYTES,
  BYTE_ORDER,
  DIRECTION,
  type FrameSender,
  LINK_ETHERNET,
  OPTION,
  PACKET_HEAD_BYTES,
} from './blocks.ts';

/** One frame of a capture. It shares memory with the piece it was read from. */
export interface CapturedFrame {
  readonly from: FrameSender;
  readonly atMs: number;
  readonly bytes: Buffer;
}

/** What the last block says: frames that crossed the cable, and how many of them are not in the file. */
export interface CaptureCount {
  readonly received: number;
  readonly dropped: number;
}

/**
 * Reads a capture of ours in pieces of any size, strictly: what the writer does not write is no capture. After the first problem nothing
 * more is read.
 */
export class CaptureReader {
  frames = 0;
  /** Undefined until the last block was read: a capture without it was not closed. */
  count: CaptureCount | undefined;
  /** What is wrong with the file, once something is. */
  problem: string | undefined;
  readonly #onFrame: (frame: CapturedFrame) => void;
  #held: Buffer = Buffer.alloc(0);
  #blocks = 0;

  constructor(onFrame: (frame: CapturedFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes the next bytes. */
  push(piece: Buffer): void {
    if (this.problem !== undefined) return;
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    let at = 0;
    while (this.#isWell() && bytes.length - at >= BLOCK_BYTES) {
      const length = bytes.readUInt32LE(at + 4);
      if (length % 4 !== 0 || length < BLOCK_BYTES || length > BLOCK_MAX_BYTES)
        this.#fail(`a block of ${length} bytes`);
      else if (bytes.length - at < length) break;
      else this.#takeBlock(bytes.subarray(at, at + length));
      at += length;
    }
    // Copied: the piece's memory is read into again.
    this.#held = Buffer.from(bytes.subarray(at));
  }

  /** After the last piece. */
  end(): void {
    if (this.problem === undefined && this.#held.length > 0) this.#fail(`${this.#held.length} bytes of a block`);
    this.#held = Buffer.alloc(0);
  }

  #takeBlock(block: Buffer): void {
    const type = block.readUInt32LE(0);
    const body = block.subarray(8, -4);
    if (block.readUInt32LE(block.length - 4) !== block.length) this.#fail('two lengths of one block');
    else if (this.count !== undefined) this.#fail('a block after the last');
    else if (this.#blocks === 0) this.#expect(type === BLOCK.section && startsWith(body, BYTE_ORDER));
    else if (this.#blocks === 1) this.#expect(type === BLOCK.interface && startsWith(body, LINK_ETHERNET));
    else if (type === BLOCK.packet) this.#takePacket(body);
    else if (type === BLOCK.statistics) this.#takeStatistics(body);
    else this.#fail(`a block of type ${type}`);
    this.#blocks += 1;
  }

  #takePacket(body: Buffer): void {
    const frame = readFrame(body);
    if (typeof frame === 'string') this.#fail(frame);
    else {
      this.frames += 1;
      this.#onFrame(frame);
    }
  }

  #takeStatistics(body: Buffer): void {
    const options = body.subarray(12);
    const [received, dropped] = [OPTION.received, OPTION.dropped].map((code) => optionOf(options, code));
    if (received?.length !== 8 || dropped?.length !== 8) {
      this.#fail('statistics without counts');
      return;
    }
    this.count = { received: Number(received.readBigUInt64LE()), dropped: Number(dropped.readBigUInt64LE()) };
    if (this.count.received !== this.frames + this.count.dropped)
      this.#fail(`${this.frames} frames, counted ${this.count.received} less ${this.count.dropped}`);
  }

  #isWell(): boolean {
    return this.problem === undefined;
  }

  #expect(isWell: boolean): void {
    if (!isWell) this.#fail('another head than ours');
  }

  #fail(problem: string): void {
    this.problem ??= `block ${this.#blocks + 1}: ${problem}`;
  }
}

function startsWith(body: Buffer, word: number): boolean {
  return body.length >= 4 && body.readUInt32LE(0) === word;
}

/** The frame of a packet block, or what is wrong with it. */
function readFrame(body: Buffer): CapturedFrame | string {
  if (body.length < PACKET_HEAD_BYTES) return 'a packet without a head';
  const length = body.readUInt32LE(12);
  const end = PACKET_HEAD_BYTES + length;
  if (end > body.length || body.readUInt32LE(16) !== length) return 'a frame that is cut';
  const flags = optionOf(body.subarray((end + 3) & ~3), OPTION.flags);
  const direction = flags?.length === 4 ? flags.readUInt32LE(0) : 0;
  if (direction !== DIRECTION.guest && direction !== DIRECTION.relay) return 'a frame from nobody';
  const from = direction === DIRECTION.guest ? 'guest' : 'relay';
  return { from, atMs: readTime(body, 4), bytes: body.subarray(PACKET_HEAD_BYTES, end) };
}

function readTime(body: Buffer, at: number): number {
  const micros = (BigInt(body.readUInt32LE(at)) << 32n) + BigInt(body.readUInt32LE(at + 4));
  return Number(micros / 1_000n);
}

function optionOf(options: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; options.length - at >= 4;) {
    const [code, length] = [options.readUInt16LE(at), options.readUInt16LE(at + 2)];
    if (code === wanted && at + 4 + length <= options.length) return options.subarray(at + 4, at + 4 + length);
    at += 4 + ((length + 3) & ~3);
  }
  return undefined;
}
