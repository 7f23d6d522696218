import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunSummary } from '../../orchestrator/run/summary.ts';
import { scan } from '../support/scanner.ts';
import { type CrashPlace, openCrashPlace } from './place.ts';

/*
 * Memory of a run on a host's disk outlives the burn. Whoever wants no run on such a host gets none; whoever takes it is told.
 */

let place: CrashPlace;
beforeAll(async () => {
  place = await openCrashPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const HEAD = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n';
const PLAIN = `${HEAD}/swapfile                               file\t\t1048572\t\t0\t\t-2\n`;
const MEMORY = `${HEAD}/dev/zram0                              partition\t1048572\t\t0\t\t100\n`;

test('with refuse_swap nothing is started where memory may be written to a disk, and it is said why', async () => {
  const { code, effects, left, summary } = await detonate({ refuse_swap: true, swaps: PLAIN });
  expect(code).toBe(77);
  expect(summary).toMatchObject({
    state: 'refused',
    isolation: null,
    result: { failures: [{ code: 'refused_by_policy', got: expect.stringContaining('/swapfile (plain)') as string }] },
  });
  expect(summary?.result?.failures[0]?.hint).toContain('swapoff -a');
  expect([effects, left]).toEqual([[], []]);
});

test('control: without it the same run goes ahead on the same host, and says what swap there is', async () => {
  const { code, output, effects } = await detonate({ refuse_swap: false, swaps: PLAIN, words: [] });
  expect(code).toBe(0);
  expect(output).toContain('· swap of this host: /swapfile (plain): keys and memory of sandboxes can be written there');
  expect(effects).not.toEqual([]);
});

test.each([
  ['no swap', HEAD],
  ['compressed memory only', MEMORY],
])('with refuse_swap a host with %s runs, and says nothing of it', async (_, swaps) => {
  const { code, output } = await detonate({ refuse_swap: true, swaps, words: [] });
  expect(code).toBe(0);
  expect(output).toContain('✔ provisioned');
  expect(output).not.toContain('swap');
});

test('with refuse_swap a host that does not tell its swap is refused', async () => {
  const { code, summary } = await detonate({ refuse_swap: true, swaps: undefined });
  expect(code).toBe(77);
  expect(summary?.result?.failures).toMatchObject([
    { code: 'refused_by_policy', got: expect.stringContaining('EISDIR') as string },
  ]);
});

interface Asked {
  readonly refuse_swap: boolean;
  readonly swaps: string | undefined;
  readonly words?: readonly string[];
}

/** One detonation on a host with these swap areas; undefined: with a /proc/swaps that cannot be read. */
async function detonate({ refuse_swap, swaps, words = ['--json'] }: Asked) {
  await using home = await place.newHome({ refuse_swap });
  const hostRoot = join(home.home, 'host');
  await mkdir(join(hostRoot, 'proc'), { recursive: true });
  await (swaps === undefined ? mkdir(join(hostRoot, 'proc/swaps')) : writeFile(join(hostRoot, 'proc/swaps'), swaps));
  const script = join(home.home, 'host', 'id.sh');
  await writeFile(script, '#!/bin/sh\nid\n');
  const child = home.start({ do: 'cli', argv: [...words, 'detonate', script], hostRoot });
  const { code } = await child.ended;
  const output = child.output();
  const document = output.split('\n').find((line) => line.startsWith('{'));
  const summary = document === undefined ? undefined : RunSummary.parse(JSON.parse(document));
  return { code, output, summary, effects: await home.readLedger(), left: await scan(home.home) };
}
