// `npm run drill:soak [-- --minutes N] [--at-once N] [--seed N]`: runs on real machines, many at once, stopped, killed and orphaned at random.
import { parseArgs } from 'node:util';
import { openJournal } from '../../orchestrator/run/journal/index.ts';
import { burnbag, startBurnbag } from '../support/burnbag.ts';
import { makeTestHome } from '../support/home.ts';
import { scan } from '../support/scanner.ts';
import { randomFrom } from './random.ts';
import { soak } from './soak.ts';
import { whenStopped } from './when-stopped.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    'at-once': { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const random = randomFrom(Number(values.seed));
await using place = await makeTestHome();
whenStopped(place);
await place.configure({ limits: { runs: Number(values['at-once']) } });
const script = await place.write('soak.sh', '#!/bin/sh\nid; sleep 2; echo done >done.txt\n');
const since = performance.now();
const { ends, ...counts } = await soak({
  home: place.home,
  start: () => {
    const { pid, ended } = startBurnbag(place, ['detonate', script, '--json']);
    return { pid, ended: ended.then(({ exitCode, signal }) => ({ code: exitCode, signal })) };
  },
  ...{ seconds: Number(values.minutes) * 60, atOnce: Number(values['at-once']), random },
  ...{ patienceMs: 60_000, ownerLivesMs: 45_000 },
});
const reaped = await burnbag(place, ['reap', '--json']);
const remnants = await scan(place.home);
const problems = [
  ...(reaped.exitCode === 0 ? [] : [`the last sweep ended with ${String(reaped.exitCode)}: ${reaped.stdout}`]),
  ...remnants.map(({ kind, what }) => `left behind: ${kind} ${what}`),
];
const states = new Map<string, number>();
await using journal = await openJournal({ home: place.home });
for (const { runId, state, outcome } of await journal.listRuns({ limit: 1_000 })) {
  const end = outcome === undefined ? state : `${state}, ${outcome}`;
  states.set(end, (states.get(end) ?? 0) + 1);
  if (state !== 'refused' && (state !== 'destroyed' || outcome === undefined)) problems.push(`run ${runId} is ${end}`);
  if (!(await journal.checkChain(runId)).holds) problems.push(`run ${runId}: its chain does not hold`);
}
const minutes = Math.round((performance.now() - since) / 6_000) / 10;
console.log(
  JSON.stringify(
    {
      seed: random.seed,
      minutes,
      ...counts,
      ends: Object.fromEntries(ends),
      runs: Object.fromEntries(states),
      problems,
    },
    undefined,
    2,
  ),
);
process.exitCode = problems.length === 0 ? 0 : 1;
