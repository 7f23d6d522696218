import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareInputs, ignoreChanges, replaceOnChanges, replacementBecauseOf } from './difference.ts';
import { parsePath } from './path.ts';
import { secretOf } from './value.ts';

it.each([
  ['a', ['a']],
  ['a.b[0].c', ['a', 'b', 0, 'c']],
  ['a["x.y"].z', ['a', 'x.y', 'z']],
  ['a[*].b', ['a', '*', 'b']],
])('reads the path %s', (text, path) => {
  expect(parsePath(text)).toEqual(path);
});

it.each(['', 'a[', 'a[b]', 'a..b', '"x"'])('refuses the path %s', (text) => {
  expect(parsePath(text)).toBeUndefined();
});

it('compares by value: a secret equals its plain value', () => {
  expect(compareInputs({ a: 1 }, { a: secretOf(1) }).changes).toBe('none');
  expect(compareInputs({ a: 1, b: 2 }, { a: 2, c: 3 })).toMatchObject({ changes: 'some', diffs: ['a', 'b', 'c'] });
});

it('property: properties equal themselves, whatever the order of their keys', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const properties = JSON.parse(JSON.stringify(value)) as Parameters<typeof compareInputs>[0];
      const turned = Object.fromEntries(Object.entries(properties).toReversed());
      expect(compareInputs(properties, turned).changes).toBe('none');
    }),
  );
});

it.each([
  ['an input', { a: 1 }, { a: 2 }, ['a'], { a: 1 }],
  ['a nested one', { a: { b: 1, c: 1 } }, { a: { b: 2, c: 2 } }, ['a.b'], { a: { b: 1, c: 2 } }],
  ['one that is new', {}, { a: 2 }, ['a'], {}],
  ['one that was dropped', { a: 1 }, {}, ['a'], { a: 1 }],
  ['each element', { a: [{ b: 1 }, { b: 1 }] }, { a: [{ b: 2 }, { b: 3 }] }, ['a[*].b'], { a: [{ b: 1 }, { b: 1 }] }],
  ['one inside a secret', { a: secretOf({ b: 1 }) }, { a: secretOf({ b: 2 }) }, ['a.b'], { a: secretOf({ b: 1 }) }],
])('ignores changes of %s', (_, olds, news, paths, inputs) => {
  expect(ignoreChanges(olds, news, paths)).toEqual({ inputs, inapplicable: [] });
});

it('tells paths that cannot be applied', () => {
  expect(ignoreChanges({}, { a: { b: 1 } }, ['a.b', 'a['])).toEqual({
    inputs: { a: { b: 1 } },
    inapplicable: ['a.b', 'a['],
  });
});

it('turns the named changes into replacements, a half-made resource too', () => {
  const diff = { ...compareInputs({ a: { b: 1 } }, { a: { b: 2 } }), diffs: ['a.b'] };
  expect(replaceOnChanges(diff, ['a.*'], false).replaces).toContain('a.b');
  expect(replaceOnChanges(diff, ['c'], false).replaces).toEqual([]);
  expect(replaceOnChanges(compareInputs({}, {}), ['#initerror'], true)).toMatchObject({
    changes: 'some',
    replaces: ['#initerror'],
  });
  expect(replacementBecauseOf('id')).toMatchObject({ changes: 'some', replaces: ['id'] });
});
