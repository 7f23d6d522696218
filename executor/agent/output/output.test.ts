import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText } from '../../testing/arbitrary.ts';
import { Budget } from './budget.ts';
import { OutputCollector } from './collector.ts';
import { encodeBytes, trimSplitCharacter } from './encode.ts';

const decode = ({ encoding, data }: { encoding: 'utf8' | 'base64'; data: string }): Buffer =>
  Buffer.from(data, encoding);

describe('encodeBytes', () => {
  it('can be undone, and is never more than twice the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      anyText(60).map((text) => new TextEncoder().encode(text)),
    );
    fc.assert(
      fc.property(bytes, (raw) => {
        const encoded = encodeBytes(Buffer.from(raw));
        expect(decode(encoded).equals(Buffer.from(raw))).toBe(true);
        expect(Buffer.byteLength(JSON.stringify(encoded.data))).toBeLessThanOrEqual(2 * raw.length + 4);
      }),
    );
  });

  it('shows text as text, a byte order mark included', () => {
    expect(encodeBytes(Buffer.from('hello\n'))).toEqual({ encoding: 'utf8', data: 'hello\n' });
    expect(encodeBytes(Buffer.from('\ufeffhello, world'))).toEqual({ encoding: 'utf8', data: '\ufeffhello, world' });
    expect(encodeBytes(Buffer.alloc(100))).toMatchObject({ encoding: 'base64' });
  });
});

describe('trimSplitCharacter', () => {
  it('leaves a cut text valid, and takes off three bytes at most', () => {
    fc.assert(
      fc.property(
        anyText(20).filter((text) => text.isWellFormed()),
        fc.nat(),
        (text, cut) => {
          const bytes = Buffer.from(text);
          const part = bytes.subarray(0, cut % (bytes.length + 1));
          const trimmed = trimSplitCharacter(part);
          expect(part.length - trimmed.length).toBeLessThanOrEqual(3);
          expect(text.startsWith(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(trimmed))).toBe(
            true,
          );
        },
      ),
    );
  });
});

describe('OutputCollector', () => {
  it('keeps the start, and counts and hashes all of it', () => {
    const collector = new OutputCollector(4);
    for (const part of ['ab', 'cd', 'ef']) collector.add(Buffer.from(part));
    const sha256 = createHash('sha256').update('abcdef').digest('hex');
    expect(collector.finish()).toEqual({ encoding: 'utf8', data: 'abcd', bytes: 6, sha256, truncated: true });
  });

  it('says nothing was cut when nothing was', () => {
    const collector = new OutputCollector(4);
    collector.add(Buffer.from('abcd'));
    expect(collector.finish()).toMatchObject({ bytes: 4, truncated: false });
  });
});

describe('Budget', () => {
  it('counts what goes over the wire, escapes included', () => {
    const budget = new Budget(40);
    expect(budget.take({ path: 'a' })).toBe(true);
    expect(budget.take({ path: '\u0001\u0001\u0001\u0001' })).toBe(false);
  });
});
