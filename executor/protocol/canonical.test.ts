import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText } from '../testing/arbitrary.ts';
import { canonicalJson } from './canonical.ts';

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((n) => n + 0),
    anyText(20).filter((text) => text.isWellFormed()),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

describe('canonicalJson', () => {
  it('sorts members and leaves no spaces', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true })).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
  });

  it('is JSON, and says the same again when it is read and written', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer(), { noNullPrototype: true }), (value) => {
        expect(canonicalJson(Object.fromEntries(Object.entries(value).reverse()))).toBe(canonicalJson(value));
      }),
    );
  });

  it.each([
    ['a fraction', 0.5],
    ['minus zero', -0],
    ['a number that is not safe', 2 ** 53],
    ['NaN', NaN],
    ['a lone surrogate', '\ud800'],
    ['a date', new Date(0)],
    ['undefined', [undefined]],
    ['a bigint', 1n],
  ])('refuses %s', (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it('refuses what is too deep', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 40; level++) deep = [deep];
    expect(() => canonicalJson(deep)).toThrow(TypeError);
  });
});
