import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBytes, escapeInline, escapeJson, escapeLines } from './escape.ts';

/** What must never reach a terminal, each named by what it does to it. Written out here, so that it does not share a mistake with escape.ts. */
const ATTACKS: readonly (readonly [string, string, string])[] = [
  ['colours and cursor moves (CSI)', '\u001b[2J\u001b[1;31mred', '\\x1b[2J\\x1b[1;31mred'],
  ['a window title (OSC)', '\u001b]0;title\u0007', '\\x1b]0;title\\x07'],
  ['a link (OSC 8)', '\u001b]8;;http://x\u001b\\y', '\\x1b]8;;http://x\\x1b\\y'],
  ['a clipboard write (OSC 52)', '\u001b]52;c;YQ==\u0007', '\\x1b]52;c;YQ==\\x07'],
  ['a device string (DCS)', '\u001bP+q544e\u001b\\', '\\x1bP+q544e\\x1b\\'],
  ['a CSI in one C1 character', '\u009b2J', '\\x9b2J'],
  ['an OSC in one C1 character', '\u009d0;t\u009c', '\\x9d0;t\\x9c'],
  ['a bell and backspaces', 'rm -rf\b\b\b\b\b\bls\u0007', 'rm -rf\\x08\\x08\\x08\\x08\\x08\\x08ls\\x07'],
  ['a carriage return over the line', 'bad\rgood', 'bad\\rgood'],
  ['a line of its own', 'a\n✔ burned', 'a\\n✔ burned'],
  ['NUL and DEL', 'a\0b\u007f', 'a\\x00b\\x7f'],
  ['a right-to-left override', 'a\u202efdp.exe', 'a\\u202efdp.exe'],
  [
    'bidirectional isolates and marks',
    '\u2066\u2067\u2068\u2069\u200e\u200f\u061c',
    '\\u2066\\u2067\\u2068\\u2069\\u200e\\u200f\\u061c',
  ],
  ['zero-width characters', 'a\u200b\u200c\u200d\u2060\ufeff\u00adb', 'a\\u200b\\u200c\\u200d\\u2060\\ufeff\\xadb'],
  ['line and paragraph separators', '\u2028\u2029\u0085', '\\u2028\\u2029\\x85'],
  ['invisible tags and selectors', '\u{e0041}\ufe0f\u{e0100}\u3164', '\\u{e0041}\\ufe0f\\u{e0100}\\u3164'],
  ['half a surrogate pair', 'a\ud800b', 'a\\ud800b'],
  ['private and unassigned code points', '\ue000\u{10ffff}', '\\ue000\\u{10ffff}'],
  ['marks that climb over other lines', 'e\u0301\u0301\u0301', 'e\u0301\u0301\\u0301'],
  ['a mark that sits on what stands before', '\u0338ok', '\\u0338ok'],
];

test.each(ATTACKS)('shows %s and does not send it', (_what, text, shown) => {
  expect(escapeInline(text)).toBe(shown);
});

test.each(['plain', 'Ærøskøbing', '日本語', 'ελληνικά', 'שלום', 'किताब', '→ ├─ └─ ✔ …', '🔥', 'C:\\path\\x1b'])(
  'leaves %s as it is',
  (text) => {
    expect(escapeInline(text)).toBe(text);
  },
);

/** By number, not by property: the ranges a terminal or a bidirectional renderer acts on. */
function isDangerous(codePoint: number): boolean {
  const ranges = [[0, 0x1f], [0x7f, 0x9f], [0x61c, 0x61c], [0x200b, 0x200f], [0x2028, 0x202e], [0x2060, 0x206f], [0xd800, 0xdfff], [0xfeff, 0xfeff], [0xfff9, 0xfffb], [0xe0000, 0xe0fff]] as const; // prettier-ignore
  return ranges.some(([from, to]) => codePoint >= from && codePoint <= to);
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc
    .array(
      fc.constantFrom('\u001b', '[', ']', '2', 'J', ';', 'm', '\u009b', '\u0007', '\\', '\n', '\u202e', '\u0301', 'a'),
    )
    .map((parts) => parts.join('')),
);

describe('for any text', () => {
  test('nothing dangerous is left in a line', () => {
    fc.assert(
      fc.property(anyText, (text) => !Array.from(escapeInline(text)).some((c) => isDangerous(c.codePointAt(0) ?? 0))),
      { numRuns: 2_000 },
    );
  });

  test('what is safe stays: escaping twice is escaping once', () => {
    fc.assert(
      fc.property(anyText, (text) => escapeInline(escapeInline(text)) === escapeInline(text)),
      { numRuns: 2_000 },
    );
  });

  test('lines have no control character either, and are as many as were printed', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const lines = escapeLines(text);
        expect(lines).toHaveLength(text.split('\n').length);
        expect(Array.from(lines.join('')).filter((c) => isDangerous(c.codePointAt(0) ?? 0))).toEqual([]);
      }),
    );
  });

  test('JSON has nothing dangerous in it either, and says the same', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = escapeJson({ [text]: [text] });
        expect(Array.from(json).filter((c) => isDangerous(c.codePointAt(0) ?? 0))).toEqual([]);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ [text]: [text] })));
      }),
    );
  });

  test('any bytes can be shown, and bytes that are text are read as that text', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        (bytes) => !Array.from(escapeInline(decodeBytes(bytes))).some((c) => isDangerous(c.codePointAt(0) ?? 0)),
      ),
    );
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => decodeBytes(Buffer.from(text, 'utf8')) === text));
  });
});

test('bytes that are no UTF-8 are shown one by one', () => {
  expect(decodeBytes(Buffer.from('a\xff\xc0\xaf\xed\xa0\x80\xe2\x82', 'latin1'))).toBe(
    'a\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xe2\\x82',
  );
});

test('tabs become spaces up to the next stop', () => {
  expect(escapeLines('a\tb\n\tc\n12345678\td')).toEqual(['a       b', '        c', '12345678        d']);
});

test('a long hostile text is escaped in time', () => {
  const started = performance.now();
  escapeInline('\u0301'.repeat(500_000) + '\u001b['.repeat(250_000));
  expect(performance.now() - started).toBeLessThan(3_000);
});
