import { checkTypes, formatSources, lintSources } from './checks.ts';
import { lockImage } from './lock-image.ts';
import { runNode } from './programs.ts';
import { runTests } from './tests.ts';
import { makePicture } from './verify-picture.ts';
import { makeVectors } from './vectors/make.ts';
import { buildVerifyFile } from './verify-file/build.ts';

/** What `./burnbag dev TASK` can do; `npm test`, `npm run lint` and friends call it. Each resolves to the exit code. */
const TASKS: Readonly<Record<string, { why: string; run(args: readonly string[]): Promise<number> }>> = {
  test: { why: 'prepares what the named tests need (all without a path), then runs them', run: runTests },
  lint: { why: 'format, ESLint, the arrows between folders, shell syntax, file lengths', run: lintSources },
  format: { why: 'formats everything', run: formatSources },
  typecheck: { why: 'checks types', run: checkTypes },
  'lock-image': { why: 'records the image of this checkout in images/image.lock.json', run: lockImage },
  'drill:crash': {
    why: 'kills processes at every step of a run and checks what is left (--minutes N: at random, on real machines too)',
    run: (args) => runNode(['test/crash/drill.ts', ...args]),
  },
  'build:verify': { why: 'writes dist/verify.mjs, the verifier as one file for plain Node', run: buildVerifyFile },
  picture: { why: 'draws docs/images/verify.svg from what burnbag verify prints', run: makePicture },
  vectors: { why: 'makes test/vectors anew, from one real run', run: makeVectors },
  'drill:soak': {
    why: 'many runs at once on real machines, stopped, killed and orphaned at random (--minutes N, 15 by default)',
    run: (args) => runNode(['test/crash/drill-soak.ts', ...args]),
  },
  bench: { why: 'measures, side by side with the baseline', run: (args) => runNode(['bench/index.ts', ...args]) },
};

process.exitCode = await main(process.argv.slice(2));

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  const task = TASKS[name];
  if (task !== undefined) return task.run(args);
  console.error(`burnbag: expected one of these tasks, got ${name === '' ? 'none' : name}`);
  for (const [known, { why }] of Object.entries(TASKS)) console.error(`  ./burnbag dev ${known.padEnd(10)} ${why}`);
  return 64;
}
