import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CHAIN_START } from '../../../executor/protocol/index.ts';
import type { ArrivalEvent } from '../format/arrival.ts';
import { FOLLOWED, type FollowedStream, isFollowed } from '../format/streams.ts';

/** What the log says of one stream so far. */
export interface Accounted {
  records: number;
  bytes: number;
  isOpened: boolean;
  isFlooded: boolean;
  isEnded: boolean;
}

/** arrivals.ndjson, open for more: numbers and chains what it is given. One `append` at a time. */
export class ArrivalLog {
  readonly accounted: ReadonlyMap<FollowedStream, Accounted> = new Map(
    FOLLOWED.map((name) => [name, { records: 0, bytes: 0, isOpened: false, isFlooded: false, isEnded: false }]),
  );
  /** Whether it came to its end: nothing is ever added then. */
  isClosed = false;
  readonly #handle: FileHandle;
  readonly #now: () => number;
  #seq = 0;
  #prev = CHAIN_START;
  #bytes = 0;

  /** Opens the log in `file`, or goes on with the one that a crash left. */
  static async open(file: string, now: () => number): Promise<ArrivalLog> {
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const log = new ArrivalLog(await open(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600), now);
    try {
      await log.#resume();
      return log;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  private constructor(handle: FileHandle, now: () => number) {
    this.#handle = handle;
    this.#now = now;
  }

  /** Adds events in their order; resolves when they are on disk. When it rejects, nothing was added, and the same may be tried again. */
  async append(events: readonly ArrivalEvent[]): Promise<void> {
    const at_ms = this.#now();
    let [seq, prev, text] = [this.#seq, this.#prev, ''];
    for (const event of events) {
      const line = JSON.stringify({ seq: ++seq, at_ms, prev, ...event });
      prev = sha256(line);
      text += `${line}\n`;
    }
    await this.#write(Buffer.from(text));
    [this.#seq, this.#prev] = [seq, prev];
    for (const event of events) this.#account(event);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #write(lines: Buffer): Promise<void> {
    try {
      await this.#handle.appendFile(lines);
      await this.#handle.datasync();
      this.#bytes += lines.length;
    } catch (error) {
      await this.#handle.truncate(this.#bytes).catch(() => undefined);
      throw error;
    }
  }

  /** Reads what is there: a log of a long run has some thousand lines. Half a line at its end was never counted as written. */
  async #resume(): Promise<void> {
    const content = await this.#handle.readFile();
    if (content.length === 0) return;
    const whole = content.lastIndexOf('\n') + 1;
    for (const line of content.subarray(0, whole).toString().split('\n').slice(0, -1)) {
      this.#seq += 1;
      this.#prev = sha256(line);
      this.#account(JSON.parse(line) as ArrivalEvent);
    }
    this.#bytes = whole;
    if (this.isClosed) return;
    await this.#handle.truncate(whole);
    await this.append([{ event: 'resumed', cut: content.length - whole }]);
  }

  #account(event: ArrivalEvent): void {
    if (event.event === 'closed') this.isClosed = true;
    const one = 'stream' in event && isFollowed(event.stream) ? this.accounted.get(event.stream) : undefined;
    if (one === undefined) return;
    if (event.event === 'opened') one.isOpened = true;
    if (event.event === 'flooded') one.isFlooded = true;
    if (event.event === 'ended') one.isEnded = true;
    if (event.event === 'arrived') {
      one.records += event.records;
      one.bytes += event.bytes;
    }
  }
}

function sha256(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}
