import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** What one pass over a file finds. */
export interface Scan {
  readonly bytes: number;
  readonly sha256: string;
  /** Lines, counted by their ends; an unfinished last one is not counted. */
  readonly lines: number;
  /** False where bytes stand after the last newline. */
  readonly endsWithNewline: boolean;
}

/** Takes what passes. The memory it lies in is used again: whoever keeps a part copies it. */
export interface ScanListener {
  /** A line without its newline; `undefined` for one that is too long to be handed on. */
  readonly onLine?: (line: Buffer | undefined) => void;
  /** All bytes in their order, in pieces of any size. */
  readonly onPiece?: (piece: Buffer) => void;
}

/** While one piece is hashed, the next is read. Large enough that the calls do not count. */
const PIECE_BYTES = 1024 * 1024;

/** Longest line that is handed on: a transcript's line holds the longest line of the wire, escaped once more. */
const LINE_MAX_BYTES = 16 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Opens a plain file for reading, never through a link, and closes it when `read` has done with it. */
export async function readPlain<T>(file: string, read: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return await read(handle);
  } finally {
    await handle.close();
  }
}

/**
 * Hashes a file while reading it once, counts its lines and, where wanted, hands them on.
 * Reads as far as the file went when it began: a writer that goes on cannot keep it busy for ever.
 */
export async function scan(handle: FileHandle, { onLine, onPiece }: ScanListener = {}): Promise<Scan> {
  const { size } = await handle.stat();
  const hash = createHash('sha256');
  const lines = new LineReader(onLine);
  const pieceBytes = Math.min(PIECE_BYTES, size);
  let bytes = 0;
  let [current, next] = [Buffer.allocUnsafe(pieceBytes), Buffer.allocUnsafe(pieceBytes)];
  const read = async (into: Buffer, from: number): Promise<number> =>
    from >= size ? 0 : (await handle.read(into, 0, Math.min(pieceBytes, size - from), from)).bytesRead;
  let got = await read(current, 0);
  while (got > 0) {
    const piece = current.subarray(0, got);
    bytes += got;
    const reading = read(next, bytes);
    hash.update(piece);
    onPiece?.(piece);
    lines.read(piece);
    got = await reading;
    [current, next] = [next, current];
  }
  lines.end();
  return { bytes, sha256: hash.digest('hex'), lines: lines.count, endsWithNewline: lines.isWhole };
}

/** Counts lines and, if somebody listens, cuts them out. */
class LineReader {
  count = 0;
  isWhole = true;
  readonly #onLine: ScanListener['onLine'];
  #begun: Buffer[] = [];
  #begunBytes = 0;

  constructor(onLine: ScanListener['onLine']) {
    this.#onLine = onLine;
  }

  read(piece: Buffer): void {
    let from = 0;
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, from)) {
      this.count += 1;
      if (this.#onLine !== undefined) this.#finish(piece.subarray(from, at));
      from = at + 1;
    }
    this.isWhole = from === piece.length;
    if (this.#onLine !== undefined && from < piece.length) this.#begin(piece.subarray(from));
  }

  end(): void {
    this.#begun = [];
  }

  /** Copies: the piece's memory is read into again. */
  #begin(part: Buffer): void {
    this.#begunBytes += part.length;
    if (this.#begunBytes <= LINE_MAX_BYTES) this.#begun.push(Buffer.from(part));
    else this.#begun = [];
  }

  #finish(part: Buffer): void {
    const tooLong = this.#begunBytes + part.length > LINE_MAX_BYTES;
    const line = this.#begunBytes === 0 ? part : Buffer.concat([...this.#begun, part]);
    this.#onLine?.(tooLong ? undefined : line);
    this.#begun = [];
    this.#begunBytes = 0;
  }
}
