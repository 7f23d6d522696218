import { Duplex } from 'node:stream';
import { WireError } from './error.ts';
import { Incoming } from './incoming.ts';
import { distance, Outgoing } from './outgoing.ts';
import { FLAG, type Segment } from './segment.ts';

/** What a connection needs from the wire. */
export interface Carrier {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Where our sequence numbers start; unpredictable. */
  readonly start: number;
  transmit(segment: Segment): void;
  /** The connection is over: no segment of it is wanted any more. */
  release(): void;
}

/** Bytes held for the reader, and for the guest: what fits between two looks of either. */
const BUFFER_BYTES = 256 * 1024;
/** Windows are told in units of 2^3 bytes, so that a whole buffer can be told. */
const WINDOW_SHIFT = 3;
/** What fits into an Ethernet frame of 1500 bytes; what a peer takes that does not say; and less than any honest one takes. */
const PAYLOAD = { max: 1460, unsaid: 536, min: 88 };
/** The line loses nothing, so silence means that the guest is busy (emulated, a second is not much) or gone. */
const AGAIN = { firstMs: 1_000, maxMs: 8_000, attempts: 8 };
const NOTHING = Buffer.alloc(0);

/**
 * One TCP connection to the guest, opened by us (RFC 9293, the part a client on a line without loss needs):
 *
 *   opening ─▶ open ─▶ over
 *      ╰────────────────▲
 *
 * opening  our SYN is out; only the answer to it counts.
 * open     bytes go both ways; each side says goodbye when it is done, and the second goodbye ends it.
 * over     by both goodbyes, by a reset from either side, or because the guest does not answer.
 *
 * Only what comes in order is taken; whatever stays unacknowledged is sent again. No congestion control: there is one hop, and QEMU stops
 * reading when the guest's card is full. The guest may be hostile: whatever it sends, the two buffers bound what is held.
 */
export class Connection extends Duplex {
  readonly #carrier: Carrier;
  readonly #outgoing: Outgoing;
  /** Undefined while opening. */
  #incoming: Incoming | undefined;
  #maxPayload = PAYLOAD.max;
  #shifts = { ours: 0, theirs: 0 };
  /** End of the window the guest has told us, and of the one we have told it. */
  #windowEnd = 0;
  #toldEnd = 0;
  #owesAnswer = false;
  #saidGoodbye = false;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #whenRoom: (() => void) | undefined;
  #whenFinished: (() => void) | undefined;

  constructor(carrier: Carrier) {
    super({ allowHalfOpen: true });
    this.#carrier = carrier;
    this.#outgoing = new Outgoing((carrier.start + 1) >>> 0);
    this.#sayHello();
  }

  /** Takes one segment of this connection. What it brings reaches the reader on `flush`. */
  receive(segment: Segment): void {
    if (this.destroyed) return;
    if (this.#incoming === undefined) this.#open(segment);
    else this.#receive(segment, this.#incoming);
  }

  /** Hands on what a batch of segments brought, and answers it once. */
  flush(): void {
    if (this.destroyed || this.#incoming === undefined) return;
    const bytes = this.#incoming.collect();
    if (bytes !== undefined) this.push(bytes);
    if (this.#incoming.isFinished) this.push(null);
    if (this.#owesAnswer) this.#say(FLAG.ack);
  }

  /** The reader has taken something: the guest is told when it is worth it. */
  override _read(): void {
    if (this.#incoming === undefined) return;
    const told = distance(this.#toldEnd, this.#incoming.expected);
    if (this.#room() - told >= BUFFER_BYTES / 4) this.#say(FLAG.ack);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#outgoing.add(chunk, this.#maxPayload);
    this.#send();
    if (this.#outgoing.bytes < BUFFER_BYTES) done();
    else this.#whenRoom = done;
  }

  override _final(done: () => void): void {
    this.#outgoing.finish();
    this.#whenFinished = done;
    this.#send();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#disarm();
    const bothSaidGoodbye = this.#saidGoodbye && this.#incoming?.isFinished === true;
    if (!bothSaidGoodbye) this.#say(FLAG.rst | FLAG.ack);
    this.#carrier.release();
    done(error);
  }

  #open({ flags, acknowledgement, sequence, window, maxPayload, windowShift }: Segment): void {
    const isAnswer = (flags & FLAG.ack) !== 0 && acknowledgement === this.#outgoing.position;
    if (!isAnswer) return;
    if ((flags & FLAG.rst) !== 0) this.destroy(new WireError('refused', 'the guest to take a connection', 'a refusal'));
    if ((flags & FLAG.syn) === 0 || this.destroyed) return;
    this.#incoming = new Incoming((sequence + 1) >>> 0);
    this.#windowEnd = (acknowledgement + window) >>> 0;
    if (windowShift !== undefined) this.#shifts = { ours: WINDOW_SHIFT, theirs: windowShift };
    this.#maxPayload = Math.min(Math.max(maxPayload ?? PAYLOAD.unsaid, PAYLOAD.min), PAYLOAD.max);
    this.#owesAnswer = true;
    this.#disarm();
    this.#send();
  }

  #receive(segment: Segment, incoming: Incoming): void {
    const { flags, sequence } = segment;
    if ((flags & FLAG.rst) !== 0 && sequence === incoming.expected) {
      this.destroy(new WireError('reset', 'the guest to keep the connection', 'a reset'));
    } else if ((flags & (FLAG.rst | FLAG.syn)) !== 0) {
      // One that does not fit is answered with what does (RFC 5961).
      this.#owesAnswer = true;
    } else if ((flags & FLAG.ack) !== 0 && this.#takeAcknowledgement(segment)) {
      if (incoming.take(segment, this.#room())) this.#owesAnswer = true;
    }
  }

  #takeAcknowledgement({ acknowledgement, window }: Segment): boolean {
    const before = this.#outgoing.length;
    if (!this.#outgoing.acknowledge(acknowledgement)) return false;
    this.#windowEnd = (acknowledgement + (window << this.#shifts.theirs)) >>> 0;
    if (this.#outgoing.length < before) this.#disarm();
    this.#send();
    const [whenRoom, whenFinished] = [this.#whenRoom, this.#whenFinished];
    if (whenRoom !== undefined && this.#outgoing.bytes < BUFFER_BYTES) {
      this.#whenRoom = undefined;
      whenRoom();
    }
    if (whenFinished !== undefined && this.#outgoing.length === 0) {
      this.#whenFinished = undefined;
      this.#saidGoodbye = true;
      whenFinished();
    }
    return true;
  }

  /** Sends what the guest's window has room for; probing, at least something. */
  #send(probing = false): void {
    if (this.#incoming === undefined) return;
    for (const { sequence, payload, fin } of this.#outgoing.take(this.#windowEnd, probing))
      this.#say(fin ? FLAG.ack | FLAG.fin : FLAG.ack | FLAG.psh, payload, sequence);
    if (this.#outgoing.length > 0) this.#arm();
  }

  /** One segment. It says what we expect and have room for, so it also answers everything before it. */
  #say(flags: number, payload: Buffer = NOTHING, sequence = this.#outgoing.position): void {
    const window = Math.min(this.#room() >> this.#shifts.ours, 0xffff);
    const acknowledgement = this.#incoming?.expected ?? 0;
    this.#toldEnd = (acknowledgement + (window << this.#shifts.ours)) >>> 0;
    this.#owesAnswer = false;
    const { sourcePort, destinationPort } = this.#carrier;
    this.#carrier.transmit({ sourcePort, destinationPort, sequence, acknowledgement, flags, window, payload });
  }

  #sayHello(): void {
    const { sourcePort, destinationPort, start: sequence } = this.#carrier;
    const fixed = { acknowledgement: 0, flags: FLAG.syn, window: 0xffff, payload: NOTHING };
    const options = { maxPayload: PAYLOAD.max, windowShift: WINDOW_SHIFT };
    this.#carrier.transmit({ sourcePort, destinationPort, sequence, ...fixed, ...options });
    this.#arm();
  }

  #room(): number {
    return Math.max(0, BUFFER_BYTES - this.readableLength - (this.#incoming?.bytes ?? 0));
  }

  #arm(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#sendAgain();
      },
      Math.min(AGAIN.firstMs * 2 ** this.#attempts, AGAIN.maxMs),
    ).unref();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#attempts = 0;
  }

  #sendAgain(): void {
    this.#attempts += 1;
    if (this.#attempts > AGAIN.attempts) {
      this.destroy(new WireError('timed_out', 'the guest to answer', `nothing to ${AGAIN.attempts} attempts`));
    } else if (this.#incoming === undefined) {
      this.#sayHello();
    } else {
      this.#outgoing.rewind();
      this.#send(true);
    }
  }
}
