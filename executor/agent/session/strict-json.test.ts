import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText } from '../../testing/arbitrary.ts';
import { parseStrictJson } from './strict-json.ts';

describe('parseStrictJson', () => {
  it.each([
    ['a member twice', '{"a":1,"a":2}'],
    ['a member twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['a member twice further in', '{"a":{"b":1,"c":[{"d":1,"d":2}]}}'],
    ['__proto__', '{"__proto__":{"admin":true}}'],
    ['__proto__, escaped', '{"\\u005f_proto__":1}'],
    ['two values on a line', '{} {}'],
    ['half a value', '{"a":'],
    ['half a string', '{"a'],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['a comment', '{}//'],
    ['a trailing comma', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['NaN', '{"a":NaN}'],
    ['depth', '['.repeat(100_000)],
    ['depth that closes', `${'['.repeat(9)}${']'.repeat(9)}`],
    ['many values', `[${'0,'.repeat(5000)}0]`],
    ['a long name', `{"${'a'.repeat(1000)}":1}`],
    ['a raw newline in a string', '{"a":"\n"}'],
  ])('refuses %s', (_name, text) => {
    expect(parseStrictJson(text).ok).toBe(false);
  });

  it('takes the same name in different objects, and names as values', () => {
    const text = '{"a":{"a":["a","a",{"a":1}]},"b":"a"}';
    expect(parseStrictJson(text)).toEqual({ ok: true, value: JSON.parse(text) as unknown });
  });

  it('agrees with JSON.parse on what JSON.stringify writes', () => {
    const value = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.array(anyText(20), { maxLength: 4 }));
    fc.assert(
      fc.property(value, (object) => {
        const text = JSON.stringify(object);
        fc.pre(!text.includes('__proto__'));
        expect(parseStrictJson(text)).toEqual({ ok: true, value: JSON.parse(text) as unknown });
      }),
    );
  });

  it('never takes what JSON.parse refuses, and never reads it otherwise', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '"',
      '\\',
      '\\"',
      '1',
      'null',
      ' ',
      'x',
      '\\u0061',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 14 }), (tokens) => {
        const text = tokens.join('');
        const strict = parseStrictJson(text);
        if (strict.ok) expect(strict.value).toEqual(JSON.parse(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses every duplicate, wherever it is', () => {
    const name = anyText(8);
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 6 }), fc.nat(), (names, pick) => {
        const twice = [...names, names[pick % names.length]];
        const text = `{${twice.map((member) => `${JSON.stringify(member)}:0`).join(',')}}`;
        expect(parseStrictJson(text).ok).toBe(false);
      }),
    );
  });
});
