import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** A bundle changed in one way: what each file holds now, or null where it is gone. */
export interface Mutant {
  readonly kind: string;
  readonly what: string;
  readonly changes: ReadonlyMap<string, Buffer | null>;
}

/** How many of each kind a file gets, where there are as many. */
export interface MutantCounts {
  readonly flips: number;
  readonly others: number;
  /** This file alone, and it with each other. */
  readonly only?: string;
}

/** Files up to this size are flipped byte by byte. */
const WHOLE_FILE_BYTES = 200;

/**
 * Single changes of a bundle, over all files and all kinds: a bit flipped, a byte or a line deleted, doubled or swapped with its neighbour, the
 * end or the beginning cut off, something added, two files swapped, a file renamed or gone. The same seed gives the same mutants.
 */
export function* mutantsOf(dir: string, counts: MutantCounts, seed: number): Generator<Mutant> {
  const files = readFiles(dir);
  const { only } = counts;
  for (const [name, bytes] of files) {
    if (only !== undefined && name !== only) continue;
    for (const [kind, change, times] of kindsFor(bytes, counts)) {
      for (const place of places(bytes.length, times, seed)) {
        const changed = change(bytes, place);
        if (!changed.equals(bytes))
          yield { kind, what: `${kind} ${name} at ${place}`, changes: new Map([[name, changed]]) };
      }
    }
    yield { kind: 'delete file', what: `delete ${name}`, changes: new Map([[name, null]]) };
    yield {
      kind: 'rename file',
      what: `rename ${name}`,
      changes: new Map([
        [name, null],
        [`x-${name}`, bytes],
      ]),
    };
    yield { kind: 'empty file', what: `empty ${name}`, changes: new Map([[name, Buffer.alloc(0)]]) };
  }
  yield* swaps(files, only);
}

/** The files of a folder, by name. */
export function readFiles(dir: string): ReadonlyMap<string, Buffer> {
  return new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]));
}

type Change = (bytes: Buffer, at: number) => Buffer;

function kindsFor(bytes: Buffer, { flips, others }: MutantCounts): readonly (readonly [string, Change, number])[] {
  const byByte = bytes.length <= WHOLE_FILE_BYTES ? bytes.length : flips;
  return [
    ['flip', flip, byByte],
    ['cut end', (all, at) => all.subarray(0, at), others],
    ['cut beginning', (all, at) => all.subarray(at + 1), others],
    ['delete byte', (all, at) => Buffer.concat([all.subarray(0, at), all.subarray(at + 1)]), others],
    ['double byte', (all, at) => Buffer.concat([all.subarray(0, at + 1), all.subarray(at)]), others],
    [
      'swap bytes',
      (all, at) => Buffer.concat([all.subarray(0, at), all.subarray(at, at + 2).toReversed(), all.subarray(at + 2)]),
      others,
    ],
    ['add at end', (all, at) => Buffer.concat([all, Buffer.of(at & 0xff)]), others],
    ['delete line', (all, at) => withLines(all, at, (lines, row) => lines.toSpliced(row, 1)), others],
    ['double line', (all, at) => withLines(all, at, (lines, row) => lines.toSpliced(row, 0, lines[row] ?? '')), others],
    [
      'swap lines',
      (all, at) => withLines(all, at, (lines, row) => lines.toSpliced(row, 2, lines[row + 1] ?? '', lines[row] ?? '')),
      others,
    ],
  ];
}

/** All places where there are no more than wanted, else as many at random. */
function places(length: number, wanted: number, seed: number): readonly number[] {
  if (wanted >= length) return Array.from({ length }, (_, at) => at);
  return fc.sample(fc.nat(length - 1), { numRuns: wanted, seed });
}

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
  return changed;
}

/** Changes the line that a place lies in. */
function withLines(bytes: Buffer, at: number, change: (lines: string[], row: number) => string[]): Buffer {
  const lines = bytes.toString('latin1').split(/(?<=\n)/);
  const row = bytes.toString('latin1', 0, at).split('\n').length - 1;
  return Buffer.from(change(lines, Math.min(row, lines.length - 1)).join(''), 'latin1');
}

function* swaps(files: ReadonlyMap<string, Buffer>, only: string | undefined): Generator<Mutant> {
  const all = [...files];
  for (const [index, [a, bytesOfA]] of all.entries()) {
    for (const [b, bytesOfB] of all.slice(index + 1)) {
      if (only !== undefined && a !== only && b !== only) continue;
      yield {
        kind: 'swap files',
        what: `swap ${a} and ${b}`,
        changes: new Map([
          [a, bytesOfB],
          [b, bytesOfA],
        ]),
      };
    }
  }
}
