import { distance } from './outgoing.ts';
import { FLAG, type Segment } from './segment.ts';

/** What the guest has sent, in order: the receiving half of a connection, without clock or wire. */
export class Incoming {
  #expected: number;
  #arrived: Buffer[] = [];
  #bytes = 0;
  #isFinished = false;

  /** `first` is the sequence number of the guest's first byte. */
  constructor(first: number) {
    this.#expected = first;
  }

  /** Sequence number of the next byte: what we acknowledge. */
  get expected(): number {
    return this.#expected;
  }

  /** Bytes that nobody has collected yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The guest has said goodbye: no byte comes after what has arrived. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /**
   * Takes what is new in a segment, as far as there is room, and says whether it wants an answer. What leaves a gap is not kept: the
   * guest sends it again.
   */
  take({ sequence, payload, flags }: Segment, room: number): boolean {
    const hasFin = (flags & FLAG.fin) !== 0;
    if (payload.length === 0 && !hasFin) return false;
    const known = distance(this.#expected, sequence);
    if (known < 0 || known > payload.length || this.#isFinished) return true;
    const fresh = payload.subarray(known);
    const fitting = fresh.subarray(0, room);
    if (fitting.length > 0) this.#arrived.push(fitting);
    this.#bytes += fitting.length;
    this.#isFinished = hasFin && fitting.length === fresh.length;
    this.#expected = (this.#expected + fitting.length + (this.#isFinished ? 1 : 0)) >>> 0;
    return true;
  }

  /** Hands out what has arrived, as a copy: the segments lie in memory they share with all others of their time. */
  collect(): Buffer | undefined {
    if (this.#bytes === 0) return undefined;
    const bytes = Buffer.concat(this.#arrived);
    this.#arrived = [];
    this.#bytes = 0;
    return bytes;
  }
}
