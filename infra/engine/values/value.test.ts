import { expect, it } from 'vitest';
import { fromProviderStruct, fromStruct, toProviderStruct, toStruct } from '../protocol/wire.ts';
import { equal, isUnknown, mask, OUTPUT_VALUE, REFERENCE, reveal, secretOf, SIGNATURE, UNKNOWN } from './value.ts';

const ALL = { secrets: true, references: true };
const NONE = { secrets: false, references: false };

it('masks and reveals secrets at any depth', () => {
  const value = { open: 1, deep: [{ hidden: secretOf({ a: secretOf('x') }) }] };
  expect(mask(value)).toEqual({ open: 1, deep: [{ hidden: '[secret]' }] });
  expect(reveal(value)).toEqual({ open: 1, deep: [{ hidden: { a: 'x' } }] });
  expect(secretOf(secretOf(1))).toEqual(secretOf(1));
});

it('compares by value, whatever the order of keys', () => {
  expect(equal({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 })).toBe(true);
  expect(equal({ a: 1 }, { a: 1, b: undefined as never })).toBe(false);
  expect(equal([1, 2], [2, 1])).toBe(false);
  expect(isUnknown(UNKNOWN)).toBe(true);
});

it('a provider that takes neither secrets nor references gets plain values and ids, and what it echoes is secret again', () => {
  const sent = { password: secretOf('x'), list: [secretOf(1)], of: { [SIGNATURE]: REFERENCE, urn: 'urn:x', id: '7' } };
  expect(fromStruct(toProviderStruct(sent, NONE))).toEqual({ password: 'x', list: [1], of: '7' });
  expect(fromProviderStruct(toStruct({ password: 'x', list: [1], new: 1 }), sent, NONE)).toEqual({
    password: secretOf('x'),
    list: secretOf([1]),
    new: 1,
  });
  expect(fromStruct(toProviderStruct(sent, ALL))).toEqual(sent);
});

it('takes an output value for what it holds', () => {
  const of = (value: unknown, secret: boolean) => ({ [SIGNATURE]: OUTPUT_VALUE, value, secret }) as never;
  expect(fromStruct(toStruct({ a: of(1, false), b: of(2, true) }))).toEqual({ a: 1, b: secretOf(2) });
});
