import { createHash, type Hash } from 'node:crypto';
import { closeSync, constants, fdatasync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { type ArrivalEvent, STREAM_MAX_BYTES, STREAM_MAX_RECORDS } from '../format/arrival.ts';
import type { FollowedStream } from '../format/streams.ts';
import type { Accounted } from './arrival-log.ts';

/** Taken at once: enough to outrun any guest, little enough that the relay is not kept from its work for long. */
const PIECE_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;
const syncData = promisify(fdatasync);

/**
 * Follows one file that somebody else writes, and copies what is new. Holds no bytes between two looks: a record without its end is read
 * again. Everything but waiting for the disk is synchronous: a look that finds nothing costs microseconds.
 */
export class Tap {
  readonly stream: FollowedStream;
  readonly #copyFile: string;
  readonly #maxBytes: number;
  readonly #maxRecords: number;
  readonly #hash: Hash = createHash('sha256');
  #source: number | undefined;
  #copy: number | undefined;
  /** Where in the source the next byte lies. As much was copied, unless the source shrank. */
  #offset = 0;
  #bytes: number;
  #records: number;
  #isAnnounced: boolean;
  #isFlooded: boolean;
  #isSynced = true;

  /** `accounted` is what the log of a process that crashed says of the stream. */
  constructor(stream: FollowedStream, copyFile: string, accounted: Readonly<Accounted>, limits: TapLimits = {}) {
    this.stream = stream;
    this.#copyFile = copyFile;
    this.#maxBytes = limits.maxBytes ?? STREAM_MAX_BYTES;
    this.#maxRecords = limits.maxRecords ?? STREAM_MAX_RECORDS;
    this.#bytes = accounted.bytes;
    this.#records = accounted.records;
    this.#isAnnounced = accounted.isOpened;
    this.#isFlooded = accounted.isFlooded;
  }

  get isOpen(): boolean {
    return this.#copy !== undefined;
  }

  /** Opens source and copy; does nothing as long as there is no source. */
  open(sourceFile: string): void {
    try {
      this.#source ??= openSync(sourceFile, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
      throw error;
    }
    this.#copy ??= this.#openCopy();
  }

  /**
   * Copies what is new: whole records, at most one piece. `tail` takes a last record that has no end as well. Returns what is to be
   * accounted for once `sync` has resolved; nothing when there is no news.
   */
  take({ tail = false } = {}): ArrivalEvent[] {
    if (this.#source === undefined || this.#copy === undefined) return [];
    const { stream } = this;
    const events: ArrivalEvent[] = [];
    if (!this.#isAnnounced) events.push({ event: 'opened', stream });
    this.#isAnnounced = true;
    const { size } = fstatSync(this.#source);
    if (size < this.#offset) {
      events.push({ event: 'shrank', stream, from: this.#offset, to: size });
      this.#offset = size;
    }
    if (size === this.#offset || this.#isFlooded) return events;
    const part = wholeRecords(readPart(this.#source, this.#offset, Math.min(PIECE_BYTES, size - this.#offset)), tail);
    if (this.#bytes + part.length > this.#maxBytes || this.#records + countLines(part) > this.#maxRecords) {
      this.#isFlooded = true;
      events.push({ event: 'flooded', stream, kept: this.#bytes });
    } else if (part.length > 0) events.push(this.#keep(this.#copy, part));
    return events;
  }

  /** Waits until the copy is on disk. */
  async sync(): Promise<void> {
    if (this.#isSynced || this.#copy === undefined) return;
    await syncData(this.#copy);
    this.#isSynced = true;
  }

  /** Reads the source again, from its beginning and as far as it was copied, and says what that is beside what arrived. */
  end(): ArrivalEvent {
    const source = this.#source === undefined ? null : readAgain(this.#source, this.#bytes);
    const sha256 = this.#hash.copy().digest('hex');
    return { event: 'ended', stream: this.stream, records: this.#records, bytes: this.#bytes, sha256, source };
  }

  close(): void {
    for (const fd of [this.#source, this.#copy]) if (fd !== undefined) closeSync(fd);
    this.#source = undefined;
    this.#copy = undefined;
  }

  /** What a crashed process copied and did not account for is cut off: it is taken from the source again. */
  #openCopy(): number {
    const copy = openSync(this.#copyFile, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    ftruncateSync(copy, this.#bytes);
    this.#offset = this.#bytes;
    hashFrom(copy, this.#bytes, this.#hash);
    return copy;
  }

  #keep(copy: number, part: Buffer): ArrivalEvent {
    for (let done = 0; done < part.length;) {
      done += writeSync(copy, part, done, part.length - done, this.#bytes + done);
      this.#isSynced = false;
    }
    this.#hash.update(part);
    const records = countLines(part);
    const first = this.#records + 1;
    this.#offset += part.length;
    this.#bytes += part.length;
    this.#records += records;
    const sha256 = createHash('sha256').update(part).digest('hex');
    return { event: 'arrived', stream: this.stream, first, records, bytes: part.length, sha256 };
  }
}

/** What is kept of a stream; the defaults are the format's. */
export interface TapLimits {
  readonly maxBytes?: number | undefined;
  readonly maxRecords?: number | undefined;
}

/** Up to the last newline; all of it where there is none in a whole piece, or where `tail` says that no more comes. */
function wholeRecords(piece: Buffer, tail: boolean): Buffer {
  const end = piece.lastIndexOf(NEWLINE) + 1;
  return end === 0 && (tail || piece.length === PIECE_BYTES) ? piece : piece.subarray(0, end);
}

function countLines(part: Buffer): number {
  let count = 0;
  for (let at = part.indexOf(NEWLINE); at !== -1; at = part.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

function readPart(fd: number, from: number, length: number): Buffer {
  const part = Buffer.allocUnsafe(length);
  return part.subarray(0, readSync(fd, part, 0, length, from));
}

function readAgain(fd: number, upTo: number): { bytes: number; sha256: string } {
  const hash = createHash('sha256');
  const bytes = hashFrom(fd, upTo, hash);
  return { bytes, sha256: hash.digest('hex') };
}

/** Hashes a file from its beginning; returns how much there was. */
function hashFrom(fd: number, upTo: number, hash: Hash): number {
  let done = 0;
  for (let part; done < upTo; done += part.length) {
    part = readPart(fd, done, Math.min(PIECE_BYTES, upTo - done));
    if (part.length === 0) break;
    hash.update(part);
  }
  return done;
}
