import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvidenceError } from '../errors.ts';
import type { ArrivalEvent } from '../format/arrival.ts';
import { FOLLOWED, type FollowedStream, STREAMS } from '../format/streams.ts';
import { ArrivalLog } from './arrival-log.ts';
import { Tap } from './tap.ts';

/** Where the followed streams are written by others. */
export type Sources = Partial<Readonly<Record<FollowedStream, string>>>;

export interface FollowOptions {
  /** The bundle's folder: copies go there, and arrivals.ndjson. */
  readonly dir: string;
  /** Asked until it knows: sources come into being while a machine is made. */
  readonly find: () => Promise<Sources | undefined>;
  /** Of each stream; the default is the format's. */
  readonly maxBytes?: number;
  readonly maxRecords?: number;
  readonly now?: () => number;
  /** Throws when the folder is somebody else's by now: asked before anything is written. */
  readonly fence?: () => void;
}

/** What became of a followed stream: `kept`, whole as far as it goes; `absent`, there was none; `failed`, it could not be kept. */
export type Followed = 'kept' | 'absent' | 'failed';

/** Time between two looks: a record counts as received that much and a disk's write later. */
const POLL_MS = 15;

/** A record whose end is still on its way gets this much time for it, once. */
const TAIL_MS = 30;

/**
 * Follows what a guest writes while it writes it: copies it into the bundle, and numbers, times and chains it in arrivals.ndjson, each only
 * once it is on disk. What has arrived, no guest can change: it reaches neither file. A look at the sources every few milliseconds;
 * whoever writes faster than the disk is simply read later, piece by piece. Started again after a crash, it goes on where the log ends.
 */
export class Following {
  readonly #options: FollowOptions;
  readonly #abort = new AbortController();
  readonly #work: Promise<void>;
  #log: ArrivalLog | undefined;
  #taps: readonly Tap[] = [];
  /** Copied, and not in the log yet. */
  #pending: ArrivalEvent[] = [];
  #sources: Sources | undefined;
  #failure: EvidenceError | undefined;
  #finished: Promise<ReadonlyMap<FollowedStream, Followed>> | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#work = this.#guard(() => this.#run());
  }

  /** Throws `audit_unavailable` when what arrives can no longer be kept: then nothing more may be asked of the guest. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Takes what is left, compares every copy with its source, and closes the log. Never rejects; safe to call again. */
  finish(): Promise<ReadonlyMap<FollowedStream, Followed>> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  /** Lets go of everything as it is; what is missing then is taken by whoever goes on. */
  async abandon(): Promise<void> {
    this.#abort.abort();
    await this.#work;
    await this.#close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    await this.#open();
    while (!signal.aborted && this.#log?.isClosed !== true) {
      if (await this.#round()) continue;
      await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #open(): Promise<void> {
    const { dir, now = Date.now, maxBytes, maxRecords, fence } = this.#options;
    fence?.();
    const log = (this.#log ??= await ArrivalLog.open(join(dir, STREAMS.arrivals.file), now));
    if (this.#taps.length > 0) return;
    this.#taps = FOLLOWED.flatMap((stream) => {
      const accounted = log.accounted.get(stream);
      return accounted === undefined || accounted.isEnded
        ? []
        : [new Tap(stream, join(dir, STREAMS[stream].file), accounted, { maxBytes, maxRecords })];
    });
  }

  /** One look at every source; tells whether there was news. Copies are on disk before the log speaks of them. */
  async #round(options?: { tail: boolean }): Promise<boolean> {
    this.#sources ??= await this.#options.find();
    this.#options.fence?.();
    for (const tap of this.#taps) {
      const source = this.#sources?.[tap.stream];
      if (source !== undefined) tap.open(source);
      this.#pending.push(...tap.take(options));
    }
    return this.#account();
  }

  async #account(): Promise<boolean> {
    if (this.#pending.length === 0) return false;
    await Promise.all(this.#taps.map((tap) => tap.sync()));
    this.#options.fence?.();
    await this.#log?.append(this.#pending);
    this.#pending = [];
    return true;
  }

  async #finish(): Promise<ReadonlyMap<FollowedStream, Followed>> {
    this.#abort.abort();
    await this.#work;
    this.#failure = undefined;
    await this.#guard(async () => {
      await this.#open();
      if (this.#log?.isClosed !== true) await this.#drain();
    });
    const outcome = this.#outcome();
    await this.#close();
    return outcome;
  }

  /** What lies there now is taken; what a guest adds without end meanwhile is not waited for. */
  async #drain(): Promise<void> {
    for (const until = performance.now() + DRAIN_MS; performance.now() < until;) if (!(await this.#round())) break;
    await sleep(TAIL_MS);
    await this.#round({ tail: true });
    const open = this.#taps.filter((tap) => tap.isOpen);
    this.#pending.push(...open.map((tap) => tap.end()), { event: 'closed' });
    await this.#account();
  }

  #outcome(): ReadonlyMap<FollowedStream, Followed> {
    return new Map(
      FOLLOWED.map((stream) => {
        const { isEnded, isOpened } = this.#log?.accounted.get(stream) ?? { isEnded: false, isOpened: true };
        return [stream, isEnded ? 'kept' : isOpened || this.#failure !== undefined ? 'failed' : 'absent'];
      }),
    );
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.#failure = unavailable(cause);
    }
  }

  async #close(): Promise<void> {
    for (const tap of this.#taps) tap.close();
    await this.#log?.close().catch(() => undefined);
  }
}

/** A guest that floods a stream up to its limit is read out in a few seconds. */
const DRAIN_MS = 10_000;

function unavailable(cause: unknown): EvidenceError {
  // The code alone where there is one: a message would carry this machine's paths.
  const got = cause instanceof Error ? ('code' in cause ? String(cause.code) : cause.message) : String(cause);
  return new EvidenceError(
    'audit_unavailable',
    {
      expected: 'to keep what the guest writes, on disk, as it arrives',
      got,
      hint: 'no action is sent without it: see that the data directory has free space, then ask again',
    },
    { cause },
  );
}
