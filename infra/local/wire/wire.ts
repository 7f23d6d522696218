import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Connection } from './connection.ts';
import { GUEST, RELAY, SSH_PORT } from './ends.ts';
import { WireError } from './error.ts';
import { FrameCutter, LENGTH_BYTES, wrapFrame } from './frames.ts';
import { DROPPED, readPacket, writeArpReply, writeIpv4, type Dropped } from './packet.ts';
import { readSegment, writeSegment, type Segment } from './segment.ts';

/** Frames that were not carried, by reason. Anything above zero is the guest trying something, or noise of its kernel. */
export type DropCounts = Readonly<Record<Dropped | 'unasked_tcp' | 'flood', number>>;

/** Is shown every frame on the cable, both ways, whatever becomes of it. Must not throw. */
export type Onlooker = (from: 'guest' | 'relay', frame: Buffer) => void;

/** One run needs one connection; sshd itself takes this many. */
const CONNECTIONS_MAX = 8;
/**
 * What the guest may send in one slot of time. It comes to 50 MB/s, which is more than SSH carries, and for one that sends rubbish to 6,000
 * frames a second: a frame counts by its bytes, but as no less than looking at it costs, and one that is not carried as much more.
 */
const SLOT_MS = 10;
const SLOT_BYTES = 512 * 1024;
const CARRIED_COST = 1024;
const DROPPED_COST = 8 * 1024;
/** What may wait for a guest that does not read. TCP sends again what is dropped beyond it. */
const WAITING_MAX_BYTES = 1024 * 1024;
/** The ports we call from: those that no service has (RFC 6335). */
const FIRST_PORT = 49_152;

/**
 * The guest's only network cable, held by its other end. QEMU writes every frame the guest sends into `cable` and sends the guest what we
 * write: there is no router, no resolver and no host behind it, only this object, which opens TCP connections to the guest's sshd, says
 * where its own address is, and drops everything else without an answer.
 *
 * A guest that floods is read more slowly, so that what it costs this process is bounded; QEMU then makes it wait.
 */
export class Wire {
  readonly #cable: Duplex;
  readonly #show: Onlooker;
  readonly #cutter = new FrameCutter();
  readonly #connections = new Map<number, Connection>();
  readonly #dropped: Record<keyof DropCounts, number>;
  #nextPort = FIRST_PORT + randomInt(0x1_0000 - FIRST_PORT);
  #spent = 0;
  #slot: NodeJS.Timeout | undefined;
  #isCut = false;
  /** Resolves when the cable is cut, from whichever end. */
  readonly ended: Promise<undefined>;
  readonly #end: () => void;

  constructor(cable: Duplex, show: Onlooker = () => undefined) {
    this.#cable = cable;
    this.#show = show;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.ended = promise;
    this.#end = () => {
      resolve(undefined);
    };
    const reasons = [...DROPPED, 'unasked_tcp', 'flood'] as const;
    this.#dropped = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<keyof DropCounts, number>;
    cable.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    for (const event of ['error', 'close', 'end'] as const) {
      cable.on(event, () => {
        this.cut();
      });
    }
  }

  get dropped(): DropCounts {
    return { ...this.#dropped };
  }

  /** Calls the guest's sshd. Never throws: a connection that does not come to be ends with a WireError. */
  connect(): Connection {
    const sourcePort = this.#nextPort;
    this.#nextPort = sourcePort === 0xffff ? FIRST_PORT : sourcePort + 1;
    const connection = new Connection({
      sourcePort,
      destinationPort: SSH_PORT,
      start: randomInt(2 ** 32),
      transmit: (segment) => {
        this.#transmit(segment);
      },
      release: () => this.#connections.delete(sourcePort),
    });
    // Its reader is told by the stream's own events; without a reader it must not end this process.
    connection.on('error', () => undefined);
    if (this.#isCut) connection.destroy(new WireError('closed', 'a machine at the other end', 'none'));
    else if (this.#connections.size >= CONNECTIONS_MAX)
      connection.destroy(new WireError('too_many', `at most ${CONNECTIONS_MAX} connections`, 'one more'));
    else this.#connections.set(sourcePort, connection);
    return connection;
  }

  /** Lets go of the cable and ends every connection. Safe to call again. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    clearInterval(this.#slot);
    this.#cable.destroy();
    this.#end();
    for (const connection of this.#connections.values())
      connection.destroy(new WireError('closed', 'the machine to live on', 'its end'));
  }

  #receive(chunk: Buffer): void {
    const touched = new Set<Connection>();
    let cost = 0;
    for (const frame of this.#cut(chunk)) {
      this.#show('guest', frame);
      const connection = this.#sort(frame);
      if (connection !== undefined) touched.add(connection);
      cost += Math.max(frame.length, connection === undefined ? DROPPED_COST : CARRIED_COST);
    }
    for (const connection of touched) connection.flush();
    this.#spend(cost);
  }

  /** What cannot be cut comes from a QEMU that is not itself any more. */
  #cut(chunk: Buffer): readonly Buffer[] {
    try {
      return this.#cutter.push(chunk);
    } catch {
      this.cut();
      return [];
    }
  }

  /** Gives a frame to whom it is for. Returns the connection that has to look at what it got. */
  #sort(frame: Buffer): Connection | undefined {
    const packet = readPacket(frame, GUEST, RELAY);
    switch (packet.kind) {
      case 'arp_request':
        this.#write(writeArpReply(RELAY, GUEST));
        return undefined;
      case 'tcp':
        return this.#give(packet.bytes);
      default:
        this.#dropped[packet.kind] += 1;
        return undefined;
    }
  }

  #give(bytes: Buffer): Connection | undefined {
    const segment = readSegment(bytes, GUEST, RELAY);
    const connection = segment?.sourcePort === SSH_PORT ? this.#connections.get(segment.destinationPort) : undefined;
    if (segment === undefined || connection === undefined) {
      this.#dropped[segment === undefined ? 'malformed' : 'unasked_tcp'] += 1;
      return undefined;
    }
    connection.receive(segment);
    return connection;
  }

  #transmit(segment: Segment): void {
    this.#write(writeIpv4(RELAY, GUEST, writeSegment(segment, RELAY, GUEST)));
  }

  #write(frame: readonly Buffer[]): void {
    if (this.#isCut) return;
    if (this.#cable.writableLength > WAITING_MAX_BYTES) {
      this.#dropped.flood += 1;
      return;
    }
    const wrapped = wrapFrame(frame);
    this.#show('relay', wrapped.subarray(LENGTH_BYTES));
    this.#cable.write(wrapped);
  }

  /** Stops reading when too much came in a slot, for as many slots as it was too much by. */
  #spend(cost: number): void {
    this.#spent += cost;
    this.#slot ??= setInterval(() => {
      this.#spent = Math.max(0, this.#spent - SLOT_BYTES);
      if (this.#spent > 0) return;
      clearInterval(this.#slot);
      this.#slot = undefined;
      this.#cable.resume();
    }, SLOT_MS).unref();
    if (this.#spent > SLOT_BYTES) this.#cable.pause();
  }
}
