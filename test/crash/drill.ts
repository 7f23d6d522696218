// `npm run drill:crash [-- --minutes N] [--only PATTERN]`: the whole matrix, again and again for so long; writes docs/crash-matrix.md.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CellResult } from './cell.ts';
import { CELLS } from './cells.ts';
import { openCrashPlace } from './place.ts';
import { playAll } from './play-all.ts';
import { crashTable, percentile } from './table.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '0' }, only: { type: 'string' } } });
const until = performance.now() + Number(values.minutes) * 60_000;
const cells = CELLS.filter(({ step, fault }) => new RegExp(values.only ?? '').test(`${step} ${fault}`));
await using place = await openCrashPlace();
const broken: CellResult[] = [];
for (let round = 1; round === 1 || performance.now() < until; round += 1) {
  const results: CellResult[] = [];
  for (const [index, result] of playAll(place, cells).entries()) {
    results.push(await result);
    report(index, await result);
  }
  broken.push(...results.filter(({ violations }) => violations.length > 0));
  const times = results.map(({ recoveryMs }) => recoveryMs);
  console.log(
    `round ${round}: ${results.length} cells, ${broken.length} broken so far; recovery p50 ${percentile(times, 50)} ms, p95 ${percentile(times, 95)} ms`,
  );
  if (values.only === undefined && broken.length === 0)
    await writeFile(join(import.meta.dirname, '../../docs/crash-matrix.md'), crashTable(results));
}
process.exitCode = broken.length === 0 ? 0 : 1;

function report(index: number, { step, fault, outcome, recoveryMs, violations }: CellResult): void {
  const verdict = violations.length === 0 ? 'ok    ' : 'BROKEN';
  console.log(`${verdict} ${index + 1}/${cells.length} ${step} · ${fault} → ${outcome} (${recoveryMs} ms)`);
  for (const violation of violations) console.log(`         ${violation.slice(0, 2_000)}`);
}
