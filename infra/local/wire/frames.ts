/*
 * Ethernet frames as QEMU's stream sockets carry them (net/socket.c, net/stream.c): four bytes of length, most significant first,
 * then the frame without its check sequence.
 */

/** QEMU's own buffer for a frame (NET_BUFSIZE). A longer one is no frame. */
export const FRAME_MAX_BYTES = 4096 + 65_536;

/** Cuts a byte stream into frames. Throws on a length no frame has; then the stream is not to be trusted any more. */
export class FrameCutter {
  #held: Buffer = Buffer.alloc(0);

  /** Returns the frames that are complete now. They share memory with the chunk. */
  push(chunk: Buffer): readonly Buffer[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = bytes.readUInt32BE(at);
      if (length === 0 || length > FRAME_MAX_BYTES)
        throw new Error(`expected a frame of 1 to ${FRAME_MAX_BYTES} bytes, got ${length}`);
      if (bytes.length - at - LENGTH_BYTES < length) break;
      at += LENGTH_BYTES;
      frames.push(bytes.subarray(at, at + length));
      at += length;
    }
    this.#held = bytes.subarray(at);
    return frames;
  }
}

/** A frame with its length before it, as it goes onto the wire. */
export function wrapFrame(parts: readonly Buffer[]): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(parts.reduce((sum, part) => sum + part.length, 0));
  return Buffer.concat([length, ...parts]);
}

/** Before each frame on the wire. */
export const LENGTH_BYTES = 4;
