import { createHash, type Hash } from 'node:crypto';
import { CHAIN_START } from '../../../executor/protocol/chain.ts';
import { FOLLOWED, type FollowedStream, isFollowed, type StreamName } from '../format/streams.ts';
import { Findings } from './findings.ts';
import { type Fields, isDigest, isNatural, isOrdinal, isText, readFields } from './json.ts';

/** Arrivals examined one by one: more than an hour at one look every fifteen milliseconds makes. */
const ARRIVALS_MAX = 300_000;

/** What must be in a record, by its event. */
const ARRIVAL_EVENTS: Readonly<Record<string, (fields: Fields) => boolean>> = {
  opened: ({ stream }) => isFollowed(stream),
  arrived: ({ stream, first, records, bytes, sha256 }) =>
    isFollowed(stream) && isOrdinal(first) && isNatural(records) && isOrdinal(bytes) && isDigest(sha256),
  shrank: ({ stream, from, to }) => isFollowed(stream) && isNatural(from) && isNatural(to),
  flooded: ({ stream, kept }) => isFollowed(stream) && isNatural(kept),
  ended: ({ stream, records, bytes, sha256, source }) =>
    isFollowed(stream) && isNatural(records) && isNatural(bytes) && isDigest(sha256) && typeof source === 'object',
  resumed: ({ cut }) => isNatural(cut),
  closed: () => true,
};

/** What the log says of one stream. */
class Followed {
  isOpened = false;
  isEnded = false;
  records = 0;
  bytes = 0;
  readonly parts: { readonly bytes: number; readonly sha256: string }[] = [];
}

/**
 * Reads arrivals.ndjson line by line, as one chain; then, given the followed streams' files piece by piece, tells whether they are what had
 * arrived. Must be read before them.
 */
export class ArrivalsWitness {
  records = 0;
  firstSeq: number | null = null;
  lastSeq: number | null = null;
  readonly findings = new Findings();
  readonly #streams = new Map<StreamName, Followed>(FOLLOWED.map((name) => [name, new Followed()]));
  #prev = CHAIN_START;
  #isClosed = false;

  readonly onLine = (line: Buffer | undefined): void => {
    this.records += 1;
    if (this.records === ARRIVALS_MAX + 1) this.findings.add('too_many_records', 'arrivals', `after ${ARRIVALS_MAX}`);
    if (this.records > ARRIVALS_MAX) return;
    const record = readArrival(line);
    if (line === undefined || record === undefined) {
      this.findings.add('record_unreadable', 'arrivals', `record ${this.records}`);
      return;
    }
    this.#follow(record, line);
    this.#note(record);
  };

  /** After the last line. A log that was never begun has no end either. */
  end(): void {
    if (this.records > 0 && !this.#isClosed)
      this.findings.add('arrivals_not_closed', 'arrivals', `after ${this.records} records`);
  }

  /** Takes the pieces of one stream's file and, by `end`, what they are beside what arrived. */
  checkerOf(stream: FollowedStream): { onPiece: (piece: Buffer) => void; end: () => void } {
    const followed = this.#streams.get(stream) ?? new Followed();
    // Made with the first piece: by then all of arrivals.ndjson has been read.
    let checker: PartChecker | undefined;
    const check = () => (checker ??= new PartChecker(followed.parts));
    return {
      onPiece: (piece) => {
        check().take(piece);
      },
      end: () => {
        if (this.records === 0 || this.records > ARRIVALS_MAX) return;
        const unended = followed.isEnded ? undefined : `its end was not recorded, after ${followed.bytes} bytes`;
        const detail = check().problem() ?? unended;
        if (detail !== undefined) this.findings.add('arrival_differs', stream, detail);
      },
    };
  }

  #follow({ seq, prev }: ArrivalFields, line: Buffer): void {
    this.firstSeq ??= seq;
    const expected = (this.lastSeq ?? 0) + 1;
    if (seq !== expected || prev !== this.#prev || this.#isClosed) {
      const detail = `record ${this.records}: expected number ${expected}, got ${seq}`;
      this.findings.add('chain_broken', 'arrivals', detail);
    }
    this.lastSeq = seq;
    this.#prev = createHash('sha256').update(line).digest('hex');
  }

  #note(record: ArrivalFields): void {
    const { event, stream } = record;
    if (event === 'closed') this.#isClosed = true;
    const one = this.#streams.get(stream as StreamName);
    if (one === undefined || !isFollowed(stream)) return;
    if (event === 'opened') one.isOpened = true;
    if (event === 'shrank')
      this.findings.add('stream_shrank', stream, `from ${String(record['from'])} to ${String(record['to'])} bytes`);
    if (event === 'flooded') this.findings.add('stream_flooded', stream, `${String(record['kept'])} bytes are kept`);
    if (event === 'arrived') this.#noteArrived(one, stream, record);
    if (event === 'ended') this.#noteEnded(one, stream, record);
  }

  #noteArrived(one: Followed, stream: FollowedStream, { first, records, bytes, sha256 }: ArrivalFields): void {
    if (first !== one.records + 1 || one.isEnded || !one.isOpened) {
      const detail = `record ${this.records}: expected record ${one.records + 1} of ${stream}, got ${String(first)}`;
      this.findings.add('chain_broken', 'arrivals', detail);
    }
    one.records += Number(records);
    one.bytes += Number(bytes);
    one.parts.push({ bytes: Number(bytes), sha256: String(sha256) });
  }

  /** The source is read again to the same length: it must have been as long, and the same. */
  #noteEnded(one: Followed, stream: FollowedStream, record: ArrivalFields): void {
    one.isEnded = true;
    const { records, bytes, sha256 } = record;
    const source = record['source'] as Fields | null;
    if (records !== one.records || bytes !== one.bytes)
      this.findings.add('chain_broken', 'arrivals', `record ${this.records}: other sums than those of ${stream}`);
    if (source === null) this.findings.add('source_differs', stream, 'it could not be read again');
    else if (source['bytes'] !== bytes || source['sha256'] !== sha256)
      this.findings.add('source_differs', stream, `${String(bytes)} bytes had arrived`);
  }
}

/** Hashes a file in the parts it arrived in, wherever the pieces it is read in end. */
class PartChecker {
  readonly #parts: Followed['parts'];
  #at = 0;
  #hash: Hash = createHash('sha256');
  #missing: number;
  #surplus = 0;
  #wrong: number | undefined;

  constructor(parts: Followed['parts']) {
    this.#parts = parts;
    this.#missing = parts[0]?.bytes ?? 0;
  }

  take(piece: Buffer): void {
    let rest = piece;
    while (rest.length > 0 && this.#at < this.#parts.length) {
      const now = rest.subarray(0, this.#missing);
      this.#hash.update(now);
      this.#missing -= now.length;
      rest = rest.subarray(now.length);
      if (this.#missing === 0) this.#finishPart();
    }
    this.#surplus += rest.length;
  }

  problem(): string | undefined {
    if (this.#wrong !== undefined) return `arrival ${this.#wrong} of it`;
    if (this.#at < this.#parts.length) return `it ends within arrival ${this.#at + 1} of ${this.#parts.length}`;
    return this.#surplus > 0 ? `${this.#surplus} bytes that never arrived` : undefined;
  }

  #finishPart(): void {
    if (this.#hash.digest('hex') !== this.#parts[this.#at]?.sha256) this.#wrong ??= this.#at + 1;
    this.#at += 1;
    this.#missing = this.#parts[this.#at]?.bytes ?? 0;
    this.#hash = createHash('sha256');
  }
}

type ArrivalFields = Fields & {
  readonly seq: number;
  readonly prev: string;
  readonly event: string;
  readonly stream?: unknown;
  readonly first?: unknown;
  readonly records?: unknown;
  readonly bytes?: unknown;
  readonly sha256?: unknown;
};

function readArrival(line: Buffer | undefined): ArrivalFields | undefined {
  const fields = readFields(line);
  if (fields === undefined) return undefined;
  const { seq, at_ms, prev, event } = fields;
  if (!isOrdinal(seq) || !isNatural(at_ms) || !isDigest(prev) || !isText(event)) return undefined;
  if (!Object.hasOwn(ARRIVAL_EVENTS, event)) return undefined;
  return ARRIVAL_EVENTS[event]?.(fields) === true ? (fields as ArrivalFields) : undefined;
}
