import { describe, expect, test } from 'vitest';
import { writeElement, writeInteger, writeOid } from '../stamp/write-der.ts';
import { DerReader, integerOf, oidOf, readElement, TAG, timeOf } from './der.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const read = (hex: string, tag: number) => readElement(bytes(hex), tag, 'a test');

describe('DER is refused', () => {
  test.each([
    ['with a length that is not the shortest', '04 81 01 00'],
    ['with a long length that begins with nothing', '04 82 00 80'],
    ['with a length without an end', '04 80 00 00'],
    ['with a length longer than anything has', '04 84 00 00 00 01 00'],
    ['that ends early', '04 02 00'],
    ['that is empty', ''],
    ['with something left over', '04 01 00 00'],
    ['with another tag', '05 00'],
  ])('%s', (_, hex) => {
    expect(() => read(hex, TAG.octetString)).toThrow(/^expected .+, got /);
  });

  test.each([
    ['longer than it need be', '02 02 00 01'],
    ['negative and longer than it need be', '02 02 ff 80'],
    ['without digits', '02 00'],
    ['of a kilobyte', `02 82 04 00 ${'11'.repeat(1024)}`],
  ])('with a number %s', (_, hex) => {
    expect(() => integerOf(read(hex, TAG.integer))).toThrow('expected');
  });

  test.each(['20260230000000Z', '20261128180000.120Z', '20261128180000', '20261128180000+0100', '20261128186000Z', ''])(
    'with %j for a moment',
    (text) => {
      const time = writeElement(TAG.generalizedTime, Buffer.from(text));
      expect(() => timeOf(readElement(time, TAG.generalizedTime, 'a test'))).toThrow('a moment in UTC');
    },
  );

  test('with a name that does not end', () => {
    expect(() => oidOf(read('06 02 2a 86', TAG.oid))).toThrow('an object identifier');
  });
});

describe('DER that is well formed', () => {
  test.each(['1.2.840.113549.1.9.16.1.4', '2.16.840.1.101.3.4.2.1', '0.9.2342', '2.999.18446744073709551615'])(
    'has the name %s, written and read',
    (oid) => {
      expect(oidOf(readElement(writeOid(oid), TAG.oid, 'a test'))).toBe(oid);
    },
  );

  test.each([0n, 1n, 127n, 128n, 255n, 256n, 2n ** 64n - 1n])('has the number %d, written and read', (number) => {
    expect(integerOf(readElement(writeInteger(number), TAG.integer, 'a test'))).toBe(number);
  });

  test.each([
    ['20261128180000Z', TAG.generalizedTime, '2026-11-28T18:00:00.000Z'],
    ['20261128180000.1234Z', TAG.generalizedTime, '2026-11-28T18:00:00.123Z'],
    ['491231235959Z', TAG.utcTime, '2049-12-31T23:59:59.000Z'],
    ['500101000000Z', TAG.utcTime, '1950-01-01T00:00:00.000Z'],
  ])('has the moment %s', (text, tag, iso) => {
    expect(new Date(timeOf(readElement(writeElement(tag, Buffer.from(text)), tag, 'a test'))).toISOString()).toBe(iso);
  });

  test('is taken in its order, each element once', () => {
    const reader = new DerReader(
      Buffer.concat([writeInteger(300n), writeElement(TAG.octetString, Buffer.alloc(200))]),
      'a test',
    );
    expect(reader.nextIf(TAG.oid)).toBeUndefined();
    expect(integerOf(reader.next(TAG.integer))).toBe(300n);
    expect(() => {
      reader.end();
    }).toThrow('no more');
    expect(reader.next(TAG.octetString).content.length).toBe(200);
    reader.end();
  });
});
