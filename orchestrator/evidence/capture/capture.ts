import { closeSync, constants, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { type FrameSender, headBlocks, packetBlock, statisticsBlock } from './blocks.ts';

/** Kept of one run: sixteen times what a script and its output take on the cable; a flood is counted beyond it. */
export const CAPTURE_MAX_BYTES = 64 * 1024 * 1024;

/** Frames wait this long, or for that many bytes, to be written together: what a crash may cost of a capture, which no action waits for. */
const WRITE_MS = 50;
const WRITE_BYTES = 256 * 1024;

/** A capture under way. Nothing about it ever throws: a frame that cannot be kept is counted, and the count is in the file. */
export interface Capture {
  take(from: FrameSender, frame: Buffer): void;
  /** Writes what waits and the count of all; tells whether the file is whole, which it can be and yet lack frames. Safe to call again. */
  close(): boolean;
}

export interface CaptureOptions {
  readonly maxBytes?: number;
  readonly now?: () => number;
  /** Throws when nothing may be written here any more. */
  readonly fence?: () => void;
}

/** Begins a capture in a new file. */
export function openCapture(file: string, options: CaptureOptions = {}): Capture {
  const { maxBytes = CAPTURE_MAX_BYTES, now = Date.now, fence = () => undefined } = options;
  const target = new Target(file, headBlocks(), fence);
  let [received, dropped, room] = [0, 0, maxBytes];
  return {
    take(from, frame) {
      received += 1;
      const packet = room > 0 && !target.isClosed ? packetBlock(from, frame, now()) : undefined;
      if (packet === undefined || packet.length > room || !target.add(packet)) {
        // What comes after the first that is missing is not kept either: a capture has a beginning and an end, and no holes.
        dropped += 1;
        room = 0;
      } else room -= packet.length;
    },
    close: () => target.close(statisticsBlock(received, dropped, now())),
  };
}

/** A file that is written in large pieces; after the first failure nothing more is. */
class Target {
  isClosed = false;
  #isWhole = false;
  #fd: number | undefined;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #fence: () => void;

  constructor(file: string, head: Buffer, fence: () => void) {
    this.#fence = fence;
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    try {
      fence();
      this.#fd = openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    } catch {
      return;
    }
    this.add(head);
  }

  /** Tells whether it is or will be written, as far as is known by now. */
  add(bytes: Buffer): boolean {
    if (this.#fd === undefined) return false;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= WRITE_BYTES) return this.#write();
    this.#timer ??= setTimeout(() => {
      this.#write();
    }, WRITE_MS).unref();
    return true;
  }

  close(last: Buffer): boolean {
    if (this.isClosed) return this.#isWhole;
    this.isClosed = true;
    this.add(last);
    this.#isWhole = this.#write() && this.#attempt(fdatasyncSync);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    return this.#isWhole;
  }

  #write(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#bytes = 0;
    return this.#attempt((fd) => {
      this.#fence();
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
    });
  }

  #attempt(work: (fd: number) => void): boolean {
    if (this.#fd === undefined) return false;
    try {
      work(this.#fd);
      return true;
    } catch {
      closeSync(this.#fd);
      this.#fd = undefined;
      return false;
    }
  }
}
