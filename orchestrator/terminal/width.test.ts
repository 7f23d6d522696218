import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeInline } from './escape.ts';
import { displayWidth, truncate } from './width.ts';

test.each([
  ['plain', 5],
  ['日本', 4],
  ['e\u0301', 1],
  ['🔥', 2],
  ['→✔', 2],
  ['ｆｕｌｌ', 8],
])('%s takes %d columns', (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

test.each([
  ['plain', 5, 'plain'],
  ['plain', 4, 'pla…'],
  ['日本語', 5, '日本…'],
  ['日本語', 4, '日…'],
  ['plain', 0, ''],
  ['plain', 1, '…'],
])('%s cut to %d columns is %s', (text, width, cut) => {
  expect(truncate(text, width)).toBe(cut);
});

test('whatever is cut fits, and no character is split', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }).map(escapeInline), fc.nat({ max: 40 }), (text, width) => {
      const cut = truncate(text, width);
      expect(displayWidth(cut)).toBeLessThanOrEqual(width);
      expect(cut.isWellFormed()).toBe(true);
    }),
  );
});
