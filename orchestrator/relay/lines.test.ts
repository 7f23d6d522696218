import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LINE_MAX_BYTES } from '../../executor/protocol/index.ts';
import { LineCutter } from './lines.ts';

const text = fc.string({ unit: 'grapheme' }).map((some) => some.replaceAll('\n', ' '));

test('lines are the same however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(text), fc.array(fc.nat({ max: 200 })), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
      const cutter = new LineCutter();
      const got = ends.flatMap((end, index) => cutter.push(bytes.subarray(ends[index - 1] ?? 0, end)));
      expect(got).toEqual(lines);
    }),
  );
});

test.each([
  { name: 'a line over the limit', chunks: [Buffer.alloc(LINE_MAX_BYTES), Buffer.from('x')] },
  { name: 'half a character', chunks: [Buffer.from([0xe2, 0x82, 0x0a])] },
  { name: 'an overlong encoding', chunks: [Buffer.from([0xc0, 0xaf, 0x0a])] },
  { name: 'a surrogate', chunks: [Buffer.from([0xed, 0xa0, 0x80, 0x0a])] },
])('$name is a protocol violation', ({ chunks }) => {
  const cutter = new LineCutter();
  expect(() => chunks.map((chunk) => cutter.push(chunk))).toThrow(
    expect.objectContaining({ code: 'protocol_violation' }),
  );
});

test('a line at the limit passes', () => {
  const cutter = new LineCutter();
  expect(cutter.push(Buffer.alloc(LINE_MAX_BYTES, 'x'))).toEqual([]);
  expect(cutter.push(Buffer.from('\n'))[0]).toHaveLength(LINE_MAX_BYTES);
});
