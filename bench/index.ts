import { cpus, loadavg, release, totalmem } from 'node:os';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildBaseline } from './baseline/build.ts';
import { type BaselineTimes, runBaseline } from './baseline/run.ts';
import { detonate, type DetonationTimes, measureActions } from './detonation.ts';
import { measureStack } from './stack.ts';
import { duration, median, spread } from './statistics.ts';

/*
 * `npm run bench [-- ROUNDS]`: Burnbag and the baseline side by side, turn by turn in one run, so that whatever else the machine does meets both.
 * Prints the README's table and keeps every single figure in bench/results/.
 */

const ROOT = join(import.meta.dirname, '..');
const HOME = process.env['BURNBAG_HOME'] ?? join(ROOT, '.burnbag');
const ROUNDS = Number(process.argv[2] ?? 5);
const SCRIPT = join(ROOT, 'bench', 'script.sh');

interface Round {
  readonly ours: DetonationTimes;
  readonly baseline: Pick<BaselineTimes, 'firstOutputMs' | 'endedMs' | 'polls'>;
}

const say = (what: string) => {
  console.error(`bench: ${what}`);
};

const script = await readFile(SCRIPT, 'utf8');
const image = await buildBaseline(HOME, process.env, say);
await detonate(ROOT, HOME, SCRIPT); // prepares what is missing, and warms the page cache as the baseline's build did
const load = loadavg();
const rounds: Round[] = [];
for (let round = 1; round <= ROUNDS; round += 1) {
  const ours = await detonate(ROOT, HOME, SCRIPT);
  say(`${round} of ${ROUNDS}: burnbag, first output after ${duration(ours.firstOutputMs)} (${ours.outcome})`);
  const baseline = await runBaseline(image, script, process.env);
  say(`${round} of ${ROUNDS}: baseline, first output after ${duration(baseline.firstOutputMs)}`);
  rounds.push({
    ours,
    baseline: { firstOutputMs: baseline.firstOutputMs, endedMs: baseline.endedMs, polls: baseline.polls },
  });
}
const actionsMs = await measureActions(ROOT, HOME, join(ROOT, 'bench', 'actions.json'));
await measureStack(); // loads the SDK
const stackMs = [await measureStack(), await measureStack(), await measureStack()];

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryMiB: Math.round(totalmem() / 2 ** 20),
  kernel: release(),
  load,
};
const command = `npm run bench -- ${ROUNDS}`;
const results = { measuredAt: new Date().toISOString(), command, machine, rounds, actionsMs, stackMs };
await mkdir(join(ROOT, 'bench', 'results'), { recursive: true });
const file = `bench/results/${results.measuredAt.slice(0, 10)}.json`;
await writeFile(join(ROOT, file), `${JSON.stringify(results, null, 2)}\n`);

const of = (read: (one: Round) => number) => rounds.map(read);
const [ourFirst, theirFirst] = [of(({ ours }) => ours.firstOutputMs), of(({ baseline }) => baseline.firstOutputMs)];
const factor = median(theirFirst) / median(ourFirst);
console.log(
  [
    '| from the start of the command to … | Burnbag | stock cloud VM |',
    '|---|---|---|',
    `| VM ready, host key pinned | ${spread(of(({ ours }) => ours.readyMs))} | |`,
    `| the first action's answer | ${spread(of(({ ours }) => ours.firstAnswerMs))} | |`,
    `| the script's first output | ${spread(ourFirst)} | ${spread(theirFirst)} |`,
    `| VM gone (ours: proven, with receipt) | ${spread(of(({ ours }) => ours.provenGoneMs))} | ${spread(of(({ baseline }) => baseline.endedMs))} |`,
    `| *one more action on the open session* | ${spread(actionsMs)} | |`,
    `| *of all this, Pulumi's share* | ${spread(stackMs)} | |`,
    '',
    `First output ${factor.toFixed(1)} times sooner. ${ROUNDS} rounds, median (least to most), ${rounds[0]?.ours.isolation ?? ''}, ${machine.cores} cores; \`${command}\`, ${file}.`,
  ].join('\n'),
);
