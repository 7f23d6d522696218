/** A stretch of what we send, small enough for one segment. Our goodbye (FIN) is a stretch of its own and counts as one byte. */
export interface Stretch {
  readonly sequence: number;
  readonly payload: Buffer;
  readonly fin: boolean;
}

/** What was written and is not acknowledged yet, in order: the sending half of a connection, without clock or wire. */
export class Outgoing {
  #stretches: Stretch[] = [];
  /** How many stretches, from the first, are out. */
  #out = 0;
  #next: number;
  /** Sequence number after the furthest that was ever out: nobody can have acknowledged more. */
  #furthest: number;

  /** `first` is the sequence number of the first byte. */
  constructor(first: number) {
    this.#next = first;
    this.#furthest = first;
  }

  /** Bytes that wait for their acknowledgement, sent or not. */
  get bytes(): number {
    return this.#stretches.reduce((sum, { payload }) => sum + payload.length, 0);
  }

  /** Stretches that wait for theirs. */
  get length(): number {
    return this.#stretches.length;
  }

  /** Sequence number of what would be sent next. */
  get position(): number {
    return this.#stretches[this.#out]?.sequence ?? this.#next;
  }

  add(bytes: Buffer, maxPayload: number): void {
    for (let at = 0; at < bytes.length; at += maxPayload) this.#append(bytes.subarray(at, at + maxPayload), false);
  }

  finish(): void {
    this.#append(Buffer.alloc(0), true);
  }

  /** What may be sent now: everything that begins before the end of the peer's window, or the next stretch whatever the window when `probing`. */
  take(windowEnd: number, probing: boolean): readonly Stretch[] {
    const taken: Stretch[] = [];
    for (let stretch = this.#stretches[this.#out]; stretch !== undefined; stretch = this.#stretches[this.#out]) {
      const end = endOf(stretch);
      if (distance(end, windowEnd) > 0 && !(probing && taken.length === 0)) break;
      taken.push(stretch);
      this.#out += 1;
      if (distance(end, this.#furthest) > 0) this.#furthest = end;
    }
    return taken;
  }

  /** Forgets what is acknowledged. False when the number acknowledges what was never sent: then nothing in the segment is to be believed. */
  acknowledge(number: number): boolean {
    if (distance(number, this.#furthest) > 0) return false;
    const left = this.#stretches.filter((stretch) => distance(endOf(stretch), number) > 0);
    this.#out = Math.max(0, this.#out - (this.#stretches.length - left.length));
    this.#stretches = left;
    return true;
  }

  /** Everything unacknowledged is sent again. */
  rewind(): void {
    this.#out = 0;
  }

  #append(payload: Buffer, fin: boolean): void {
    const stretch = { sequence: this.#next, payload, fin };
    this.#stretches.push(stretch);
    this.#next = endOf(stretch);
  }
}

/** How far `a` lies after `b` on the circle of 32-bit sequence numbers; negative when before. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

function endOf({ sequence, payload, fin }: Stretch): number {
  return (sequence + payload.length + (fin ? 1 : 0)) >>> 0;
}
