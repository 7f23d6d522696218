import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildAgent } from '../executor/build.ts';
import { burnbag } from './detonation.ts';
import { describeMachine, keepResults, say } from './machine.ts';
import { spread } from './statistics.ts';

/**
 * Measures agent-exec as one executable: its size, and the time from its start to its end where it has nothing to do (it is started as a
 * user that has no mode), on this host and inside a sandbox. Prints both and keeps every figure in results/.
 */
export async function benchExecutor(root: string, home: string, rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-bench-'));
  try {
    const machine = describeMachine();
    const { file, size, sha256 } = await buildAgent({ outFile: join(folder, 'agent'), workDir: join(folder, 'work') });
    const hostMs = Array.from({ length: rounds }, () => startMs(file));
    say(`host: ${spread(hostMs)}`);
    const { guestMs, isolation } = await startInGuest(root, home, join(folder, 'actions.ndjson'), rounds);
    const command = `npm run bench -- executor ${rounds}`;
    const figures = { command, machine, isolation, bytes: size, sha256, hostMs, guestMs };
    const kept = await keepResults(root, 'executor', figures);
    console.log(`agent-exec: one file of ${(size / 2 ** 20).toFixed(1)} MiB`);
    console.log(
      `from its start to its end, on the host: ${spread(hostMs)}; in the sandbox (${isolation}): ${spread(guestMs)}`,
    );
    console.log(`${rounds} rounds, median (least to most); \`${command}\`, ${kept}.`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A start takes tenths of a second; under emulation on busy cores, seconds. */
const START_TIMEOUT_MS = 60_000;

/** The executable's exit code for a user who has no mode. */
const NO_MODE = 64;

function startMs(file: string): number {
  const started = performance.now();
  const { status } = spawnSync(file, [], { env: {}, stdio: 'ignore', timeout: START_TIMEOUT_MS });
  if (status !== NO_MODE) throw new Error(`expected exit ${NO_MODE}, got ${String(status)}`);
  return performance.now() - started;
}

/** As the script's own user, which has no mode either without arguments; the guest's clock, in nanoseconds, is read before and after. */
const scriptOf = (rounds: number): string => `#!/bin/bash
for ((round = 0; round < ${rounds}; round++)); do
  before=$(date +%s%N)
  /usr/local/bin/agent-exec 2>/dev/null
  [ $? = ${NO_MODE} ] || exit 1
  echo $((($(date +%s%N) - before) / 1000))
done
`;

async function startInGuest(root: string, home: string, file: string, rounds: number) {
  const script = Buffer.from(scriptOf(rounds));
  const sha256 = createHash('sha256').update(script).digest('hex');
  const put = { path: `/work/in/${sha256}`, content_base64: script.toString('base64'), sha256 };
  const actions = [
    { action: 'put_file', args: put },
    { action: 'run_script', args: { sha256, args: [], timeout_seconds: 300 } },
  ];
  await writeFile(file, actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
  const { result, isolation } = await burnbag(root, home, [
    'run',
    file,
    '--profile',
    'detonation',
    '--task',
    'bench',
    '--json',
  ]);
  const answer = result?.answers.at(-1);
  const said = answer?.status === 'ok' && answer.action === 'run_script' ? answer.result.stdout.data : '';
  const guestMs = said
    .split('\n')
    .filter(Boolean)
    .map((line) => Number(line) / 1000);
  if (guestMs.length !== rounds) throw new Error(`expected ${rounds} figures from the guest, got ${guestMs.length}`);
  return { guestMs, isolation: isolation ?? 'none' };
}
