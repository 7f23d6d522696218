import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildBaseline } from './baseline/build.ts';
import { type BaselineTimes, runBaseline } from './baseline/run.ts';
import { detonate, type DetonationTimes, measureActions } from './detonation.ts';
import { describeMachine, keepResults, say } from './machine.ts';
import { measureStack } from './stack.ts';
import { duration, median, spread } from './statistics.ts';

interface Round {
  readonly ours: DetonationTimes;
  readonly baseline: Pick<BaselineTimes, 'firstOutputMs' | 'endedMs' | 'polls'>;
}

/**
 * Burnbag and the baseline side by side, turn by turn in one run, so that whatever else the machine does meets both.
 * Prints the README's table and keeps every single figure in bench/results/.
 */
export async function benchSideBySide(root: string, home: string, count: number): Promise<void> {
  const scriptFile = join(root, 'bench', 'script.sh');
  const script = await readFile(scriptFile, 'utf8');
  const image = await buildBaseline(home, process.env, say);
  await detonate(root, home, scriptFile); // prepares what is missing, and warms the page cache as the baseline's build did
  const machine = describeMachine();
  const rounds: Round[] = [];
  for (let round = 1; round <= count; round += 1) {
    const ours = await detonate(root, home, scriptFile);
    say(`${round} of ${count}: burnbag, first output after ${duration(ours.firstOutputMs)} (${ours.outcome})`);
    const baseline = await runBaseline(image, script, process.env);
    say(`${round} of ${count}: baseline, first output after ${duration(baseline.firstOutputMs)}`);
    rounds.push({
      ours,
      baseline: { firstOutputMs: baseline.firstOutputMs, endedMs: baseline.endedMs, polls: baseline.polls },
    });
  }
  const actionsMs = await measureActions(root, home, join(root, 'bench', 'actions.json'));
  await measureStack(); // loads the SDK
  const stackMs = [await measureStack(), await measureStack(), await measureStack()];
  const command = `npm run bench -- ${count}`;
  const file = await keepResults(root, 'side-by-side', { command, machine, rounds, actionsMs, stackMs });
  console.log(table(rounds, actionsMs, stackMs).join('\n'));
  console.log(
    `${count} rounds, median (least to most), ${rounds[0]?.ours.isolation ?? ''}, ${machine.cores} cores; \`${command}\`, ${file}.`,
  );
}

function table(rounds: readonly Round[], actionsMs: readonly number[], stackMs: readonly number[]): readonly string[] {
  const of = (read: (one: Round) => number) => rounds.map(read);
  const [ourFirst, theirFirst] = [of(({ ours }) => ours.firstOutputMs), of(({ baseline }) => baseline.firstOutputMs)];
  const factor = median(theirFirst) / median(ourFirst);
  return [
    '| from the start of the command to … | Burnbag | stock cloud VM |',
    '|---|---|---|',
    `| VM ready, host key pinned | ${spread(of(({ ours }) => ours.readyMs))} | |`,
    `| the first action's answer | ${spread(of(({ ours }) => ours.firstAnswerMs))} | |`,
    `| the script's first output | ${spread(ourFirst)} | ${spread(theirFirst)} |`,
    `| VM gone (ours: proven, with receipt) | ${spread(of(({ ours }) => ours.provenGoneMs))} | ${spread(of(({ baseline }) => baseline.endedMs))} |`,
    `| *one more action on the open session* | ${spread(actionsMs)} | |`,
    `| *of all this, Pulumi's share* | ${spread(stackMs)} | |`,
    '',
    `First output ${factor.toFixed(1)} times sooner.`,
  ];
}
