import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadavg } from 'node:os';
import { percentile } from '../test/crash/table.ts';
import { scan } from '../test/support/scanner.ts';
import { burnbag } from './detonation.ts';
import { describeMachine, keepResults, say } from './machine.ts';
import { duration, median } from './statistics.ts';

/** What issue and README promise; on a machine that is busy with other things it is the figures beside `load` that say why. */
const TARGET_MS = { burn: 250, recovery: 5_000 };
/** Between these parts of a life its process is killed: earlier there is no sandbox, later it is gone. */
const KILLED = { from: 0.2, to: 0.97 };
/** A sweep that takes longer is none. */
const REAP_LIMIT_MS = 120_000;

interface Recovery {
  /** Into its life, when the process was killed; and what of the sandbox was there then. */
  readonly killedAfterMs: number;
  readonly remnants: number;
  readonly recoveryMs: number;
}

/**
 * Measures on real machines how long a burn takes (from the beginning of the destruction to the receipt, signed and in the archive), and how long
 * a new process takes to burn what one that was killed has left (from its start to its end). Prints both and keeps every figure in
 * bench/results/. Rejects when anything is left.
 */
export async function benchBurn(root: string, home: string, rounds: number): Promise<void> {
  const script = join(root, 'bench', 'script.sh');
  await burnbag(root, home, ['detonate', script, '--json']); // prepares what is missing, and warms the page cache
  const machine = describeMachine();
  const burnsMs: number[] = [];
  const livesMs: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const since = performance.now();
    burnsMs.push(await burnOf(root, home, script));
    livesMs.push(performance.now() - since);
    say(`${round} of ${rounds}: burned in ${duration(burnsMs.at(-1) ?? NaN)}, load ${loadNow()}`);
  }
  const recoveries: Recovery[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const part = KILLED.from + ((KILLED.to - KILLED.from) * (round + 0.5)) / rounds;
    recoveries.push(await recover(root, home, script, part * median(livesMs)));
    const { killedAfterMs, remnants, recoveryMs } = recoveries.at(-1) as Recovery;
    say(
      `${round + 1} of ${rounds}: killed after ${duration(killedAfterMs)}, ${remnants} left, recovered in ${duration(recoveryMs)}, load ${loadNow()}`,
    );
  }
  const command = `npm run bench -- burn ${rounds}`;
  const file = await keepResults(root, 'burn', { command, machine, burnsMs, livesMs, recoveries });
  const recoveriesMs = recoveries.map(({ recoveryMs }) => recoveryMs);
  console.log(
    [
      '| from … to … | p50 | p95 | most | target (p95) |',
      '|---|---:|---:|---:|---:|',
      row('destruction begun → receipt signed and archived', burnsMs, TARGET_MS.burn),
      row('`burnbag reap` started after kill -9 → burned, receipt signed, ended', recoveriesMs, TARGET_MS.recovery),
      '',
      `${rounds} rounds each, nothing left in any; ${machine.cores} cores, load ${machine.load.map((one) => one.toFixed(1)).join(' ')} before and ${loadNow()} after; \`${command}\`, ${file}.`,
    ].join('\n'),
  );
}

/** The run's own count of its last phase; without a receipt it counts for nothing. */
async function burnOf(root: string, home: string, script: string): Promise<number> {
  const { state, result } = await burnbag(root, home, ['detonate', script, '--json']);
  const burned = result?.phases.find(({ phase }) => phase === 'burned');
  if (state !== 'destroyed' || burned === undefined || result?.burn?.receipt_archived !== true)
    throw new Error(`expected a run that is destroyed, with a receipt, got one that is ${state}`);
  return burned.duration_ms;
}

async function recover(root: string, home: string, script: string, afterMs: number): Promise<Recovery> {
  const options = {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], BURNBAG_HOME: home },
  } as const;
  // The launcher becomes the process that conducts the run.
  const owner = spawn(join(root, 'burnbag'), ['detonate', script, '--json'], options);
  const ownerEnded = once(owner, 'close');
  await sleep(afterMs);
  owner.kill('SIGKILL');
  await ownerEnded;
  const remnants = (await scan(home)).length;
  const since = performance.now();
  const reaper = spawn(join(root, 'burnbag'), ['reap', '--json'], { ...options, timeout: REAP_LIMIT_MS });
  const [code] = (await once(reaper, 'close')) as [number | null];
  const recoveryMs = performance.now() - since;
  const left = await scan(home);
  if (code !== 0 || left.length > 0)
    throw new Error(`expected nothing to be left, got ${String(code)} and ${JSON.stringify(left)}`);
  return { killedAfterMs: afterMs, remnants, recoveryMs };
}

function row(what: string, valuesMs: readonly number[], targetMs: number): string {
  const at = (percent: number): string => duration(percentile(valuesMs, percent));
  return `| ${what} | ${at(50)} | ${at(95)} | ${at(100)} | ≤ ${duration(targetMs)} |`;
}

function loadNow(): string {
  return (loadavg()[0] ?? NaN).toFixed(1);
}
