// `npm run drill:crash`: the whole matrix once, on fake machines; writes docs/crash-matrix.md.
// `npm run drill:crash -- --minutes N [--seed N] [--only PATTERN]`: cells drawn at random, one in four on real machines, for so long; an hour or
// more of it that finds nothing writes docs/crash-drill.md.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Cell } from './cell.ts';
import { CELLS, REAL_CELLS } from './cells.ts';
import { openCrashPlace } from './place.ts';
import { playAll } from './play-all.ts';
import { randomFrom } from './random.ts';
import { crashTable, drillTable, type DrilledCell, missesOf, percentile } from './table.ts';
import { whenStopped } from './when-stopped.ts';

/** Drawn at a time: enough to keep two workers busy, few enough to stop in time. */
const DRAWN = 8;
const ONE_REAL_IN = 4;
/** Shorter ones are for whoever is at work on it. */
const ON_RECORD_MINUTES = 60;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    only: { type: 'string', default: '' },
  },
});
const since = performance.now();
const results: DrilledCell[] = [];
await using place = await openCrashPlace();
whenStopped(place);
if (values.minutes === undefined) await playEach();
else await playAtRandom(Number(values.minutes));
const broken = results.filter(({ violations }) => violations.length > 0);
report();
await record();
process.exitCode = broken.length === 0 ? 0 : 1;

async function playEach(): Promise<void> {
  await playThem(chosen(CELLS));
  const isWhole = values.only === '' && results.every(({ violations }) => violations.length === 0);
  if (isWhole) await writeFile(join(import.meta.dirname, '../../docs/crash-matrix.md'), crashTable(results));
}

async function playAtRandom(minutes: number): Promise<void> {
  const until = performance.now() + minutes * 60_000;
  const random = randomFrom(Number(values.seed));
  const [fake, real] = [chosen(CELLS), chosen(REAL_CELLS)];
  while (performance.now() < until) {
    const draw = (): Cell | undefined => {
      const from = real.length > 0 && (fake.length === 0 || random.below(ONE_REAL_IN) === 0) ? real : fake;
      return from[random.below(from.length)];
    };
    await playThem(Array.from({ length: DRAWN }, draw).filter((cell) => cell !== undefined));
  }
}

function chosen(cells: readonly Cell[]): readonly Cell[] {
  return cells.filter(({ step, fault }) => new RegExp(values.only).test(`${step} ${fault}`));
}

async function playThem(cells: readonly Cell[]): Promise<void> {
  for (const [index, playing] of playAll(place, cells).entries()) {
    const result = await playing;
    const { step, fault, outcome, recoveryMs, violations, misses } = result;
    const where = cells[index]?.driver === 'local' ? 'real' : 'fake';
    results.push({ ...result, where });
    const verdict = violations.length === 0 ? 'ok    ' : 'BROKEN';
    console.log(`${verdict} ${results.length} ${where} ${step} · ${fault} → ${outcome} (${recoveryMs} ms)`);
    for (const miss of misses) console.log(`         never struck, played again: ${miss.slice(0, 2_000)}`);
    for (const violation of violations) console.log(`         ${violation.slice(0, 2_000)}`);
  }
}

function report(): void {
  const times = results.map(({ recoveryMs }) => recoveryMs);
  const kinds = new Set(results.map(({ step, fault }) => `${step} ${fault}`)).size;
  console.log(
    `${results.length} cells (${kinds} different), ${broken.length} broken, ${missesOf(results)} misses (played again), ${minutes()} minutes; recovery p50 ${percentile(times, 50)} ms, p95 ${percentile(times, 95)} ms; seed ${values.seed}`,
  );
}

async function record(): Promise<void> {
  const { minutes: asked, only, seed } = values;
  if (asked === undefined || only !== '' || broken.length > 0 || minutes() < ON_RECORD_MINUTES) return;
  const command = `npm run drill:crash -- --minutes ${asked}`;
  const text = drillTable(results, { command, seed, minutes: minutes(), on: new Date().toISOString().slice(0, 10) });
  await writeFile(join(import.meta.dirname, '../../docs/crash-drill.md'), text);
}

function minutes(): number {
  return Math.floor((performance.now() - since) / 60_000);
}
