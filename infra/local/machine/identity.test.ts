import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseUid } from './identity.ts';

const WHOLE = '         0          0 4294967295\n';

test('every run id gives a user id that nobody else hands out', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (number) => {
      const uid = chooseUid(number.toString(16).padStart(12, '0'), WHOLE);
      return uid >= 0x7000_0000 && uid < 0x7ffe_0000;
    }),
  );
});

test('two runs get two users', () => {
  expect(chooseUid('0123456789ab', WHOLE)).not.toBe(chooseUid('0123457789ab', WHOLE));
});

test('where the range is not mapped into our user namespace, nobody has to do', () => {
  expect(chooseUid('0123456789ab', '         0     100000      65536\n')).toBe(65_534);
});
