import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { captureOf, framesOfRun, type TestFrame } from '../../../test/support/control-plane.ts';
import { CaptureReader } from './read-capture.ts';
import { describeFrame } from './describe-frame.ts';
import { openCapture } from './capture.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'burnbag-capture-'));
  file = join(dir, 'capture.pcapng');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Reads in pieces of this size. */
function read(content: Buffer, pieceBytes = content.length) {
  const frames: TestFrame[] = [];
  const reader = new CaptureReader(({ from, bytes }) => frames.push({ from, bytes: Buffer.from(bytes) }));
  for (let at = 0; at < content.length; at += pieceBytes) reader.push(content.subarray(at, at + pieceBytes));
  reader.end();
  return { frames, count: reader.count, problem: reader.problem };
}

const frame = (from: TestFrame['from'], length: number): TestFrame => ({ from, bytes: Buffer.alloc(length, length) });

describe('a capture', () => {
  test('has every frame both ways, as it was, and counts them; in whatever pieces it is read', async () => {
    const any = fc.record({ from: fc.constantFrom('guest' as const, 'relay' as const), length: fc.nat(3_000) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(any, { maxLength: 40 }),
        fc.integer({ min: 200, max: 5_000 }),
        async (all, pieceBytes) => {
          const frames = all.map(({ from, length }) => frame(from, length));
          const capture = openCapture(file);
          for (const { from, bytes } of frames) capture.take(from, bytes);
          expect(capture.close()).toBe(true);
          const found = read(await readFile(file), pieceBytes);
          expect(found).toEqual({ frames, count: { received: frames.length, dropped: 0 }, problem: undefined });
        },
      ),
      { numRuns: 20 },
    );
  });

  test('that is full keeps a beginning without holes, and counts what it does not keep', async () => {
    const capture = openCapture(file, { maxBytes: 1_000 });
    // The third does not fit; the fourth would, and is not kept either.
    for (const length of [300, 300, 900, 10]) capture.take('guest', Buffer.alloc(length));
    expect(capture.close()).toBe(true);
    const { frames, count } = read(await readFile(file));
    expect(frames.map(({ bytes }) => bytes.length)).toEqual([300, 300]);
    expect(count).toEqual({ received: 4, dropped: 2 });
    expect((await stat(file)).size).toBeLessThan(1_300);
  });

  test('that cannot be written, or may not be any more, ends nothing and is not called whole', async () => {
    const nowhere = openCapture(join(dir, 'none', 'capture'));
    let held = true;
    const robbed = openCapture(file, {
      fence: () => {
        if (!held) throw new Error('another process has it');
      },
    });
    held = false;
    for (const capture of [nowhere, robbed]) {
      capture.take('relay', Buffer.alloc(300_000));
      expect(capture.close()).toBe(false);
      expect(capture.close()).toBe(false);
    }
    expect((await stat(file)).size).toBe(0);
  });

  test('never goes through a link', async () => {
    await writeFile(join(dir, 'target'), 'precious');
    await symlink(join(dir, 'target'), file);
    expect(openCapture(file).close()).toBe(false);
    expect(await readFile(join(dir, 'target'), 'utf8')).toBe('precious');
  });
});

describe('reading', () => {
  test('never throws, whatever the bytes are, and never finds a frame more than there is', () => {
    const whole = captureOf();
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 50, max: 9_999 }),
        (at, mask, size) => {
          const bytes = Buffer.from(whole.with(at, (whole[at] ?? 0) ^ mask));
          expect(read(bytes, size).frames.length).toBeLessThanOrEqual(framesOfRun().length);
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void read(Buffer.from(bytes))));
  });

  test('of frames never throws, and reads what is there', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => void describeFrame(Buffer.from(bytes))));
    const [hello] = framesOfRun();
    expect(describeFrame(hello?.bytes ?? Buffer.alloc(0))).toEqual({
      ...{ protocol: 'tcp', source: '10.0.2.2', destination: '10.0.2.15', sourcePort: 50_001, destinationPort: 22 },
      ...{ payload: 0, flags: { syn: true, ack: false, fin: false, rst: false } },
    });
  });
});

test('a block without length ends the reading and does not hold it', () => {
  const reader = new CaptureReader(() => undefined);
  reader.push(Buffer.alloc(64));
  expect(reader.problem).toBe('block 1: a block of 0 bytes');
});
