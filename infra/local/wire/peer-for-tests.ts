import type { Duplex } from 'node:stream';
import { GUEST, RELAY, SSH_PORT } from './ends.ts';
import { FrameCutter, wrapFrame } from './frames.ts';
import { Incoming } from './incoming.ts';
import { Outgoing } from './outgoing.ts';
import { readPacket, writeIpv4 } from './packet.ts';
import { FLAG, readSegment, writeSegment, type Segment } from './segment.ts';

/** What becomes of a frame on its way: lost (none), carried (one), carried twice, … */
export type Fate = () => 0 | 1 | 2;

/**
 * A guest for tests: takes connections and sends back what it gets, on a cable that loses and doubles frames. It keeps to RFC 9293 in the
 * simplest way, and says goodbye when it has heard one and everything is sent.
 */
export class EchoPeer {
  readonly received: Buffer[] = [];
  /** Segments that came, in order. */
  readonly heard: Segment[] = [];
  readonly #cable: Duplex;
  readonly #fate: Fate;
  readonly #cutter = new FrameCutter();
  readonly #start = 0xffff_fff0;
  #port = 0;
  #incoming: Incoming | undefined;
  #outgoing = new Outgoing((0xffff_fff0 + 1) >>> 0);
  #saidGoodbye = false;

  constructor(cable: Duplex, fate: Fate = () => 1) {
    this.#cable = cable;
    this.#fate = fate;
    cable.on('data', (chunk: Buffer) => {
      for (const frame of this.#cutter.push(chunk)) for (let n = this.#fate(); n > 0; n--) this.#receive(frame);
    });
  }

  /** What an impatient sender does from time to time. */
  sendAgain(): void {
    this.#outgoing.rewind();
    this.#send();
  }

  /** Puts a segment on the cable, whatever it says. */
  say(changes: Partial<Segment>): void {
    const fixed = { sourcePort: SSH_PORT, destinationPort: this.#port, window: 0xffff, payload: Buffer.alloc(0) };
    const numbers = { sequence: this.#outgoing.position, acknowledgement: this.#incoming?.expected ?? 0 };
    const segment = { ...fixed, ...numbers, flags: FLAG.ack, ...changes };
    const frame = writeIpv4(GUEST, RELAY, writeSegment(segment, GUEST, RELAY));
    for (let n = this.#fate(); n > 0; n--) this.#cable.write(wrapFrame(frame));
  }

  #receive(frame: Buffer): void {
    const packet = readPacket(frame, RELAY, GUEST);
    const segment = packet.kind === 'tcp' ? readSegment(packet.bytes, RELAY, GUEST) : undefined;
    if (segment === undefined) return;
    this.heard.push(segment);
    this.#port = segment.sourcePort;
    if ((segment.flags & FLAG.syn) !== 0) {
      this.#incoming ??= new Incoming((segment.sequence + 1) >>> 0);
      this.say({ flags: FLAG.syn | FLAG.ack, sequence: this.#start, maxPayload: 1000, windowShift: 2 });
    } else if (this.#incoming !== undefined && (segment.flags & FLAG.rst) === 0) this.#answer(segment, this.#incoming);
  }

  #answer(segment: Segment, incoming: Incoming): void {
    this.#outgoing.acknowledge(segment.acknowledgement);
    const wantsAnswer = incoming.take(segment, 0xffff);
    const bytes = incoming.collect();
    if (bytes !== undefined) {
      this.received.push(bytes);
      this.#outgoing.add(bytes, 700);
    }
    if (incoming.isFinished && !this.#saidGoodbye) {
      this.#saidGoodbye = true;
      this.#outgoing.finish();
    }
    this.#send();
    if (wantsAnswer) this.say({});
  }

  #send(): void {
    const end = (this.#outgoing.position + 0xffff) >>> 0;
    for (const { sequence, payload, fin } of this.#outgoing.take(end, false))
      this.say({ sequence, payload, flags: fin ? FLAG.ack | FLAG.fin : FLAG.ack });
  }
}
