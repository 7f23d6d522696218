import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME_KINDS, FRAME_MAX_BYTES, readFrames, type Frame, type FrameKind } from './frames.ts';

const kinds = Object.keys(FRAME_KINDS) as FrameKind[];

// eslint-disable-next-line @typescript-eslint/require-await
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(bytes: Buffer, size = 1000): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of readFrames(inPieces(bytes, size))) frames.push(frame);
  return frames;
}

describe('frames', () => {
  it('come out as they went in, however they arrive', async () => {
    const frame = fc.tuple(fc.constantFrom(...kinds), fc.uint8Array({ maxLength: 30 }));
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 6 }), fc.integer({ min: 1, max: 20 }), async (list, size) => {
        const bytes = Buffer.concat(list.map(([kind, payload]) => encodeFrame(kind, Buffer.from(payload))));
        const read = await collect(bytes, size);
        expect(read.map(({ kind, payload }) => [kind, [...payload]])).toEqual(
          list.map(([kind, payload]) => [kind, [...payload]]),
        );
      }),
    );
  });

  it('split what is too long for one', async () => {
    const read = await collect(encodeFrame('stdout', Buffer.alloc(FRAME_MAX_BYTES + 1)), FRAME_MAX_BYTES);
    expect(read.map(({ payload }) => payload.length)).toEqual([FRAME_MAX_BYTES, 1]);
  });

  it.each([
    ['an unknown kind', Buffer.from([9, 0, 0, 0, 0])],
    ['a length over the limit', Buffer.from([2, 0xff, 0xff, 0xff, 0xff])],
    ['half a frame', encodeFrame('ended', Buffer.from('{}')).subarray(0, 6)],
  ])('refuse %s', async (_name, bytes) => {
    await expect(collect(bytes)).rejects.toThrow('expected');
  });
});
