import { once } from 'node:events';
import { duplexPair, type Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Connection } from './connection.ts';
import { GUEST, RELAY, type End } from './ends.ts';
import { wrapFrame } from './frames.ts';
import { EchoPeer, type Fate } from './peer-for-tests.ts';
import { FLAG, readSegment, writeSegment, type Segment } from './segment.ts';
import { writeArpReply, writeIpv4 } from './packet.ts';
import { Wire } from './wire.ts';

/* The wire against a peer of our own that loses, doubles, lies and floods; test/security/ holds it against a real guest's kernel. */

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function cable(): { readonly wire: Wire; readonly guest: Duplex } {
  const [ours, guest] = duplexPair();
  return { wire: new Wire(ours), guest };
}

/** Reads a connection to its end, or to its error. */
function read(connection: Connection): { readonly bytes: () => Buffer; readonly end: Promise<string> } {
  const chunks: Buffer[] = [];
  connection.on('data', (chunk: Buffer) => chunks.push(chunk));
  const end = new Promise<string>((resolve) => {
    connection.on('close', () => {
      resolve((connection.errored as { code?: string } | null)?.code ?? 'ended');
    });
  });
  connection.on('error', () => undefined);
  return { bytes: () => Buffer.concat(chunks), end };
}

/** Lets everything that is under way happen, and time pass. */
async function pass(milliseconds: number, also: () => void = () => undefined): Promise<void> {
  for (let at = 0; at < milliseconds; at += 500) {
    for (let i = 0; i < 12; i++) await turn();
    also();
    await vi.advanceTimersByTimeAsync(500);
  }
  for (let i = 0; i < 12; i++) await turn();
}

test('whatever is lost or doubled, every byte arrives once and in order, both ways, and both sides end', async () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 5_000 });
  const fate = fc.constantFrom<0 | 1 | 2>(0, 1, 1, 1, 1, 1, 2);
  const plan = fc.record({ writes: fc.array(chunk, { maxLength: 8 }), fates: fc.array(fate, { minLength: 50 }) });
  await fc.assert(
    fc.asyncProperty(plan, async ({ writes, fates }) => {
      const { wire, guest } = cable();
      let at = 0;
      // A cable that is bad for a while and good then: else no protocol can promise an end.
      const chances: Fate = () => (at < 400 ? (fates[at++ % fates.length] ?? 1) : 1);
      const peer = new EchoPeer(guest, chances);
      const connection = wire.connect();
      const reader = read(connection);
      for (const bytes of writes) connection.write(bytes);
      connection.end();
      await pass(40_000, () => {
        peer.sendAgain();
      });
      const all = Buffer.concat(writes);
      expect(Buffer.concat(peer.received).equals(all)).toBe(true);
      expect(reader.bytes().equals(all)).toBe(true);
      expect(await reader.end).toBe('ended');
      wire.cut();
    }),
    { numRuns: 40 },
  );
}, 60_000);

async function opened(): Promise<ReturnType<typeof cable> & { peer: EchoPeer; connection: Connection }> {
  const line = cable();
  const peer = new EchoPeer(line.guest);
  const connection = line.wire.connect();
  await pass(0);
  return { ...line, peer, connection };
}

const lie = { payload: Buffer.from('lie') };
const ahead = (number: number | undefined): number => ((number ?? 0) + 100_000) >>> 0;
test.each<[string, (heard: Segment | undefined) => Partial<Segment>]>([
  ['a reset that does not fit', () => ({ flags: FLAG.rst | FLAG.ack, sequence: 7 })],
  ['a second hello', () => ({ flags: FLAG.syn | FLAG.ack, sequence: 7 })],
  ['an acknowledgement of what was never sent', (heard) => ({ ...lie, acknowledgement: ahead(heard?.sequence) })],
  ['bytes with a gap before them', (heard) => ({ ...lie, sequence: ahead(heard?.acknowledgement) })],
])('%s changes nothing', async (_, segment) => {
  const { wire, peer, connection } = await opened();
  const reader = read(connection);
  peer.say(segment(peer.heard.at(-1)));
  connection.end('still there');
  await pass(2_000);
  expect(reader.bytes().toString()).toBe('still there');
  expect(await reader.end).toBe('ended');
  wire.cut();
});

test('a reset that fits ends the connection, and an end of the machine ends all', async () => {
  const { wire, peer, guest, connection } = await opened();
  const first = read(connection);
  peer.say({ flags: FLAG.rst | FLAG.ack });
  await pass(0);
  expect(await first.end).toBe('reset');
  const second = read(wire.connect());
  guest.end();
  await wire.ended;
  expect(await second.end).toBe('closed');
  expect(await read(wire.connect()).end).toBe('closed');
});

test('a guest that never answers is given up', async () => {
  const { wire } = cable();
  const { end } = read(wire.connect());
  await pass(60_000);
  expect(await end).toBe('timed_out');
  wire.cut();
});

test('a guest that refuses is told as such', async () => {
  const { wire, guest } = cable();
  const { end } = read(wire.connect());
  const [frame] = (await once(guest, 'data')) as [Buffer];
  const hello = readSegment(frame.subarray(38), RELAY, GUEST);
  const ports = { sourcePort: 22, destinationPort: hello?.sourcePort ?? 0 };
  const numbers = { sequence: 0, acknowledgement: ((hello?.sequence ?? 0) + 1) >>> 0, window: 0 };
  const segment = { ...ports, ...numbers, flags: FLAG.rst | FLAG.ack, payload: Buffer.alloc(0) };
  guest.write(wrapFrame(writeIpv4(GUEST, RELAY, writeSegment(segment, GUEST, RELAY))));
  await pass(0);
  expect(await end).toBe('refused');
  wire.cut();
});

test('a reader that stops makes the guest wait: what it sends beyond the window is not kept', async () => {
  const { wire, peer, connection } = await opened();
  let sequence = 0xffff_fff1;
  for (let i = 0; i < 600; i++) {
    peer.say({ sequence, payload: Buffer.alloc(1_000) });
    sequence = (sequence + 1_000) >>> 0;
    if (i % 50 === 0) await pass(0);
  }
  await pass(0);
  expect(connection.readableLength).toBeLessThanOrEqual(256 * 1024);
  expect(peer.heard.at(-1)?.window).toBe(0);
  connection.resume();
  await pass(0);
  expect((peer.heard.at(-1)?.window ?? 0) << 3).toBeGreaterThan(100_000);
  wire.cut();
});

const ELSEWHERE: End = { mac: Buffer.from('020000000001', 'hex'), ip: Buffer.from([10, 0, 2, 3]) };
const tcp = (from: End, to: End, flags: number = FLAG.syn): readonly Buffer[] => {
  const numbers = { sourcePort: 40_000, destinationPort: 80, sequence: 1, acknowledgement: 0, window: 1_000 };
  return writeIpv4(from, to, writeSegment({ ...numbers, flags, payload: Buffer.alloc(0) }, from, to));
};
const changed = (frame: readonly Buffer[], at: number, value: number): readonly Buffer[] => {
  const bytes = Buffer.concat(frame);
  bytes[at] = value;
  return [bytes];
};

test.each<[string, readonly Buffer[], string]>([
  ['a call to a port of the relay', tcp(GUEST, RELAY), 'unasked_tcp'],
  ['a call to a resolver', tcp(GUEST, { ...ELSEWHERE, mac: RELAY.mac }), 'foreign_ip'],
  ['a call in the name of another', tcp({ ...GUEST, ip: ELSEWHERE.ip }, RELAY), 'foreign_ip'],
  ['a frame of another card', tcp(ELSEWHERE, RELAY), 'foreign_ethernet'],
  ['a frame to another card', tcp(GUEST, ELSEWHERE), 'foreign_ethernet'],
  ['IPv6', changed(tcp(GUEST, RELAY), 12, 0x86), 'foreign_ethernet'],
  ['UDP', changed(tcp(GUEST, RELAY), 23, 17), 'not_tcp'],
  ['a ping', changed(tcp(GUEST, RELAY), 23, 1), 'not_tcp'],
  ['a fragment', changed(tcp(GUEST, RELAY), 20, 0x20), 'fragment'],
  ['a header shorter than a header', changed(tcp(GUEST, RELAY), 14, 0x41), 'malformed'],
  ['a wrong checksum', changed(tcp(GUEST, RELAY), 50, 0xee), 'malformed'],
  ['a frame of nothing', [Buffer.alloc(3)], 'malformed'],
  ['an ARP answer nobody asked for', writeArpReply(GUEST, RELAY), 'foreign_arp'],
])('%s gets no answer and is counted', async (_, frame, reason) => {
  const { wire, guest } = cable();
  const answers: Buffer[] = [];
  guest.on('data', (chunk: Buffer) => answers.push(chunk));
  guest.write(wrapFrame(frame));
  await pass(0);
  expect(answers).toEqual([]);
  expect(Object.entries(wire.dropped).filter(([, count]) => count > 0)).toEqual([[reason, 1]]);
  wire.cut();
});

test('no frame, however made, does more than be counted', async () => {
  const { wire, guest } = cable();
  const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { minLength: 20, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(frames, async (batch) => {
      for (const bytes of batch) guest.write(wrapFrame([Buffer.from(bytes)]));
      await turn();
    }),
  );
  await pass(2_000);
  const counted = Object.values(wire.dropped).reduce((sum, count) => sum + count, 0);
  expect(counted).toBe(20 * 100);
  wire.cut();
});

test('the relay says where its address is, and nobody else', async () => {
  const { wire, guest } = cable();
  const answers: Buffer[] = [];
  guest.on('data', (chunk: Buffer) => answers.push(chunk));
  const ask = (who: Buffer): readonly Buffer[] => changed([...writeArpReply(GUEST, { ...RELAY, ip: who })], 21, 1);
  guest.write(wrapFrame(ask(ELSEWHERE.ip)));
  guest.write(wrapFrame(ask(RELAY.ip)));
  await pass(0);
  expect(answers).toEqual([wrapFrame(writeArpReply(RELAY, GUEST))]);
  wire.cut();
});

test('a flood is read in slots, a guest that reads nothing is written little, and nonsense ends it', async () => {
  const { wire, guest } = cable();
  const [ask] = [wrapFrame(changed([...writeArpReply(GUEST, RELAY)], 21, 1))];
  let taken = 0;
  while (taken < 200_000 && guest.write(ask)) taken += 1;
  for (let i = 0; i < 100_000; i++) guest.write(ask);
  for (let i = 0; i < 12; i++) await turn();
  const held = guest.writableLength;
  expect(held).toBeGreaterThan(ask.length * 50_000);
  await pass(60_000);
  expect(guest.writableLength).toBe(0);
  expect(wire.dropped.flood).toBeGreaterThan(0);
  guest.write(Buffer.from('ffffffff', 'hex'));
  await pass(0);
  await wire.ended;
});

test('whoever looks on is shown every frame both ways, carried or not, and none that did not cross', async () => {
  const [ours, guest] = duplexPair();
  const seen: string[] = [];
  const wire = new Wire(ours, (from, frame) => void seen.push(`${from} ${frame.toString('hex')}`));
  const sent: string[] = [];
  guest.on('data', (chunk: Buffer) => void sent.push(chunk.subarray(4).toString('hex')));
  const rubbish = Buffer.from('ffffffffffff5254001234560800', 'hex');
  guest.write(wrapFrame([rubbish]));
  guest.write(wrapFrame(writeArpReply(GUEST, RELAY)));
  wire.connect().on('error', () => undefined);
  await pass(500);
  const told = (from: string) => seen.filter((one) => one.startsWith(from)).map((one) => one.split(' ')[1]);
  expect(told('guest')).toEqual([rubbish.toString('hex'), Buffer.concat(writeArpReply(GUEST, RELAY)).toString('hex')]);
  expect(told('relay')).toEqual(sent);
  expect(sent).toHaveLength(1);
  wire.cut();
});
