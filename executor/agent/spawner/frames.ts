/**
 * What the root half sends back: frames of one byte of kind, four bytes of length (big endian) and that many bytes. First `started`, then
 * any number of `stdout` and `stderr`, last `ended`; or `failed` alone, or `failed` in place of `ended`.
 */
export const FRAME_KINDS = { started: 1, stdout: 2, stderr: 3, ended: 4, failed: 5 } as const;
export type FrameKind = keyof typeof FRAME_KINDS;

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

/** Longest payload: one read from a pipe. */
export const FRAME_MAX_BYTES = 64 * 1024;

const HEADER_BYTES = 5;

/** Writes one frame; longer payloads become several. */
export function encodeFrame(kind: FrameKind, payload: Buffer): Buffer {
  if (payload.length > FRAME_MAX_BYTES) {
    return Buffer.concat([
      encodeFrame(kind, payload.subarray(0, FRAME_MAX_BYTES)),
      encodeFrame(kind, payload.subarray(FRAME_MAX_BYTES)),
    ]);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(FRAME_KINDS[kind]);
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

/** Reads frames as they arrive. Throws Error on anything that is not a frame. */
export async function* readFrames(input: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of input) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (let frame = takeFrame(held); frame !== undefined; frame = takeFrame(held)) {
      held = held.subarray(HEADER_BYTES + frame.payload.length);
      yield frame;
    }
  }
  if (held.length > 0) throw new Error('expected whole frames, got half a one');
}

function takeFrame(held: Buffer): Frame | undefined {
  if (held.length < HEADER_BYTES) return undefined;
  const length = held.readUInt32BE(1);
  const kind = KINDS.find((name) => FRAME_KINDS[name] === held[0]);
  if (kind === undefined || length > FRAME_MAX_BYTES) throw new Error('expected a frame, got other bytes');
  if (held.length < HEADER_BYTES + length) return undefined;
  return { kind, payload: held.subarray(HEADER_BYTES, HEADER_BYTES + length) };
}

const KINDS = Object.keys(FRAME_KINDS) as FrameKind[];
