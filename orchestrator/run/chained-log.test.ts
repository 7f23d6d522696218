import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHAIN_START } from '../../executor/protocol/index.ts';
import { sha256 } from '../../test/support/arrivals.ts';
import { openChainedLog } from './chained-log.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'burnbag-chained-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const free = (): void => undefined;

async function readLines(file: string): Promise<readonly string[]> {
  return (await readFile(file, 'utf8')).split('\n').slice(0, -1);
}

/** Whether each line names the one before. */
function holds(lines: readonly string[]): boolean {
  return lines.every((line, at) => {
    const { prev } = JSON.parse(line) as { prev?: string };
    return prev === (at === 0 ? CHAIN_START : sha256(lines[at - 1] ?? ''));
  });
}

describe('a chained log', () => {
  test('names in each record the line before, also when it is gone on with', async () => {
    const file = join(folder, 'whole.ndjson');
    for (const from of [1, 3]) {
      const log = openChainedLog(file, free);
      log.append({ n: from });
      log.append({ n: from + 1 }, true);
      log.close();
    }
    const lines = await readLines(file);
    expect(lines.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual([1, 2, 3, 4]);
    expect(holds(lines)).toBe(true);
    expect(holds(lines.toSpliced(1, 1))).toBe(false);
    expect(holds(lines.toReversed())).toBe(false);
  });

  test('ends the half line that a crash left, and goes on after it', async () => {
    const file = join(folder, 'half.ndjson');
    const half = `{"n":1,"prev":"${CHAIN_START}"`;
    await writeFile(file, half);
    const log = openChainedLog(file, free);
    log.append({ n: 2 });
    log.close();
    expect(await readLines(file)).toEqual([half, JSON.stringify({ n: 2, prev: sha256(half) })]);
  });

  test('that may not be written any more keeps its end', async () => {
    const file = join(folder, 'fenced.ndjson');
    let isOurs = true;
    const log = openChainedLog(file, () => {
      if (!isOurs) throw new Error('not ours any more');
    });
    log.append({ n: 1 });
    isOurs = false;
    expect(() => {
      log.append({ n: 2 });
    }).toThrow('not ours');
    isOurs = true;
    log.append({ n: 3 });
    log.close();
    expect(holds(await readLines(file))).toBe(true);
  });
});
