import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import * as protocol from '../../../executor/protocol/index.ts';
import { dictionary, integer, list, objectWith, oneOf, onlyOne, orNull, readShape, type Shape, text } from './shape.ts';
import * as values from './values.ts';

const Thing = objectWith({ name: text(3), parts: list(integer(0), { min: 1, max: 2 }) }, { note: orNull(text(9)) });

describe('a reader', () => {
  test('takes what has its shape, with or without what is optional', () => {
    for (const thing of [
      { name: 'abc', parts: [0] },
      { name: '', parts: [1, 2], note: null },
      { name: 'x', parts: [1], note: 'n' },
    ])
      expect(readShape(Thing, thing)).toEqual({ value: thing });
  });

  test.each([
    ['a field too many', { name: 'a', parts: [1], more: 1 }, 'the whole: expected no field "more"'],
    ['a field of the prototype', JSON.parse('{"name":"a","parts":[1],"__proto__":{}}'), 'no field "__proto__"'],
    ['a field too few', { name: 'a' }, 'expected a field parts'],
    ['an inherited field', Object.create({ name: 'a', parts: [1] }), 'expected a field name'],
    ['a list for an object', [], 'expected an object'],
    ['null', null, 'expected an object'],
    ['a text too long', { name: 'abcd', parts: [1] }, 'name: expected a text of at most 3'],
    ['a number for a text', { name: 1, parts: [1] }, 'name: expected a text'],
    ['a list too short', { name: 'a', parts: [] }, 'parts: expected a list of 1 to 2'],
    ['a list too long', { name: 'a', parts: [1, 2, 3] }, 'parts: expected a list of 1 to 2'],
    ['a fraction', { name: 'a', parts: [0.5] }, 'parts[0]: expected a whole number'],
    ['a number too small', { name: 'a', parts: [-1] }, 'parts[0]: expected a whole number'],
    ['a number that is not exact', { name: 'a', parts: [1, 2 ** 53] }, 'parts[1]: expected a whole number'],
    ['an optional field of another type', { name: 'a', parts: [1], note: 1 }, 'note: expected a text'],
  ])('refuses %s, and says where', (_, value: unknown, problem) => {
    expect(readShape(Thing, value)).toEqual({ problem: expect.stringContaining(problem) as string });
  });

  test('of few values, of one value, of any names', () => {
    expect(readShape(oneOf(['a', 1]), 'a')).toEqual({ value: 'a' });
    expect(readShape(oneOf(['a', 1]), '1')).toHaveProperty('problem');
    expect(readShape(onlyOne(integer()), [-1])).toEqual({ value: [-1] });
    expect(readShape(onlyOne(integer()), [1, 2])).toHaveProperty('problem');
    expect(readShape(dictionary(text(1), 2), { ab: 'c' })).toEqual({ value: { ab: 'c' } });
    expect(readShape(dictionary(text(1), 2), { abc: 'c' })).toHaveProperty('problem');
  });

  test('does not hide an error that is not its own', () => {
    const broken: Shape<never> = () => {
      throw new RangeError('broken');
    };
    expect(() => readShape(broken, 1)).toThrow(RangeError);
  });
});

/** What the executor's side of the contract and the verifier both name is one and the same, though they share no line. */
describe.each([
  ['Sha256', values.Sha256, protocol.Sha256, fc.stringMatching(/^[0-9a-f]{64}$/)],
  ['RunId', values.RunId, protocol.RunId, fc.stringMatching(/^[0-9a-f]{12}$/)],
  ['TaskId', values.TaskId, protocol.TaskId, fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/)],
  ['MachineId', values.MachineId, protocol.MachineId, fc.oneof(fc.uuid(), fc.stringMatching(/^i-[0-9a-f]{8,17}$/))],
  ['Base64', values.Base64, protocol.Base64, fc.base64String()],
] satisfies [string, Shape<string>, z.ZodType<string>, fc.Arbitrary<string>][])('%s', (_, shape, schema, good) => {
  test('is read as the protocol reads it', () => {
    const changed = fc.tuple(good, fc.nat(64), fc.string({ maxLength: 2 })).map(([one, at, by]) => {
      return one.slice(0, at) + by + one.slice(at + 1);
    });
    fc.assert(
      fc.property(fc.oneof(good, changed, fc.string()), (one) => {
        expect('value' in readShape(shape, one)).toBe(schema.safeParse(one).success);
      }),
      { numRuns: 400 },
    );
  });
});
