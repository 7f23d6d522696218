import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../executor/protocol/index.ts';
import { readCanonical } from '../read-canonical.ts';
import type { FileEntry } from './manifest.ts';
import { merkleRoot } from './merkle.ts';
import { isFileName, RESERVED_NAMES } from './names.ts';
import { absenceProblem, LOOKS_APART_MS } from './receipt.ts';
import { integer, list, object, readShape, text } from './shape.ts';
import { Instant } from './values.ts';

const sha = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const entry = (name: string): FileEntry => ({ name, bytes: 1, sha256: sha(Buffer.from(name)).toString('hex') });
const leaf = (file: FileEntry) => sha(Buffer.of(0), Buffer.from(canonicalJson(file)));
const node = (left: Buffer, right: Buffer) => sha(Buffer.of(1), left, right);

describe('the Merkle root', () => {
  test('is RFC 6962’s: leaves and nodes apart, the left side a power of two', () => {
    const [a, b, c] = [entry('aa'), entry('bb'), entry('cc')] as const;
    expect(merkleRoot([])).toBe(sha().toString('hex'));
    expect(merkleRoot([a])).toBe(leaf(a).toString('hex'));
    expect(merkleRoot([a, b, c])).toBe(node(node(leaf(a), leaf(b)), leaf(c)).toString('hex'));
  });

  test('is another one after any change of any entry, or of their order', () => {
    const files = fc
      .uniqueArray(fc.stringMatching(/^[a-z]{2,8}$/), { minLength: 2, maxLength: 20 })
      .map((all) => all.map(entry));
    fc.assert(
      fc.property(files, fc.nat(), (all, at) => {
        const index = at % all.length;
        const changed = all.map((file, i) => (i === index ? { ...file, bytes: file.bytes + 1 } : file));
        expect(new Set([all, changed, all.toReversed(), all.slice(1)].map(merkleRoot)).size).toBe(4);
      }),
    );
  });
});

describe('a canonical file', () => {
  const schema = object({ a: integer(), b: list(text(9), { max: 9 }) });
  const read = (bytes: string | Buffer) => readCanonical(Buffer.from(bytes as string), schema);

  test('is read when its bytes are the value’s own', () => {
    expect(read('{"a":1,"b":["ä"]}')).toEqual({ value: { a: 1, b: ['ä'] } });
  });

  test.each([
    ['a duplicate key', '{"a":1,"a":1,"b":[]}'],
    ['another order', '{"b":[],"a":1}'],
    ['a space', '{"a":1, "b":[]}'],
    ['a last newline', '{"a":1,"b":[]}\n'],
    ['a byte-order mark', '\ufeff{"a":1,"b":[]}'],
    ['another way to write a number', '{"a":1e0,"b":[]}'],
    ['an escape that need not be', '{"a":1,"b":["\\u0061"]}'],
    ['a lone surrogate', '{"a":1,"b":["\\ud800"]}'],
    ['an unknown field', '{"a":1,"b":[],"c":0}'],
    ['a missing field', '{"a":1}'],
    ['nothing', ''],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['a value nested too deeply', '['.repeat(100_000)],
  ])('is refused with %s', (_, bytes) => {
    expect(read(bytes)).toHaveProperty('problem');
  });
});

test('a file name is flat: nothing leaves the folder, hides, or differs by case alone', () => {
  for (const name of ['sshd.log', 'a-b_c.1', 'x1', ...RESERVED_NAMES]) expect(isFileName(name)).toBe(true);
  for (const name of [
    '',
    'a',
    '.',
    '..',
    '../a',
    'a/b',
    '.a',
    '-a',
    'a.',
    'A',
    'ä',
    'a b',
    'a\n',
    'a\0',
    'x'.repeat(65),
  ]) {
    expect(isFileName(name), JSON.stringify(name)).toBe(false);
  }
});

test('a moment has one text', () => {
  expect(readShape(Instant, '2026-11-23T08:00:00.000Z')).toHaveProperty('value');
  for (const text of [
    '2026-11-23T08:00:00Z',
    '2026-11-23T08:00:00.000+00:00',
    '2026-02-30T00:00:00.000Z',
    '2026-11-23T24:00:00.000Z',
  ]) {
    expect(readShape(Instant, text), text).toHaveProperty('problem');
  }
});

test('absence needs looks apart, in order, after the deletion', () => {
  const at = (ms: number) => new Date(1_790_000_000_000 + ms).toISOString();
  const proven = (deleted: number, ...looks: number[]) =>
    absenceProblem({
      kind: 'process',
      id: '1',
      detail: {},
      deleted: { how: 'kill', at: at(deleted) },
      absence: looks.map((ms) => ({ state: 'gone', means: 'kill 0', at: at(ms) })),
    });
  expect(proven(0, 0, LOOKS_APART_MS)).toBeUndefined();
  for (const looks of [[], [0], [0, LOOKS_APART_MS - 1], [LOOKS_APART_MS, 0], [-1, LOOKS_APART_MS]])
    expect(proven(0, ...looks)).toBeDefined();
});
