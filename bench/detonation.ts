import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { RunSummary } from '../orchestrator/run/summary.ts';

/** Three times what a run takes under emulation on busy cores. */
const DEADLINE_MS = 180_000;

/** One run of the product, from the start of its process; all in milliseconds. */
export interface DetonationTimes {
  /** The guest said READY and its host key is pinned. */
  readonly readyMs: number;
  /** The first action's answer arrived. */
  readonly firstAnswerMs: number;
  /** The script wrote its first byte, by the guest's own count from when the action arrived. */
  readonly firstOutputMs: number;
  /** The receipt is signed and archived, and the process has ended. */
  readonly provenGoneMs: number;
  readonly outcome: string;
  readonly isolation: string;
}

/** Runs `burnbag detonate SCRIPT --json` as a process of its own, and reads the times out of its result and the relay's transcript. */
export async function detonate(root: string, home: string, script: string): Promise<DetonationTimes> {
  const startedAt = Date.now();
  const summary = await burnbag(root, home, ['detonate', script, '--json']);
  const provenGoneMs = Date.now() - startedAt;
  const { answers } = summary.result ?? {};
  const records = await readTranscript(home, summary.run_id);
  const at = (event: string, nth = 0) => (records.filter((one) => one.event === event)[nth]?.at_ms ?? NaN) - startedAt;
  const index = answers?.findIndex((one) => one.status === 'ok' && one.action === 'run_script') ?? -1;
  const answer = answers?.[index];
  const inGuest =
    answer?.status === 'ok' && answer.action === 'run_script' ? (answer.result.first_output_ms ?? NaN) : NaN;
  return {
    readyMs: Date.parse(summary.created_at) - startedAt + (summary.result?.phases[0]?.duration_ms ?? NaN),
    firstAnswerMs: at('answer'),
    firstOutputMs: at('request', index) + inGuest,
    provenGoneMs,
    outcome: `${summary.outcome ?? 'none'}, ${summary.state}`,
    isolation: summary.isolation ?? 'none',
  };
}

/** Milliseconds between request and answer of each `read_file` on one open session. */
export async function measureActions(root: string, home: string, actions: string): Promise<readonly number[]> {
  const summary = await burnbag(root, home, ['run', actions, '--profile', 'inspection', '--task', 'bench', '--json']);
  const records = await readTranscript(home, summary.run_id);
  const lines = records.filter(({ event }) => event === 'request' || event === 'answer');
  return lines.flatMap((one, index) => {
    const next = lines[index + 1];
    const isReading = one.event === 'request' && (one.line ?? '').includes('"read_file"');
    return isReading && next !== undefined ? [next.at_ms - one.at_ms] : [];
  });
}

/** Runs one command of the product and reads what it prints. */
export async function burnbag(root: string, home: string, args: readonly string[]): Promise<RunSummary> {
  const child = spawn(join(root, 'burnbag'), args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: DEADLINE_MS,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], BURNBAG_HOME: home },
  });
  const text = Buffer.concat(await child.stdout.toArray()).toString('utf8');
  return RunSummary.parse(JSON.parse(text));
}

const Line = z.looseObject({ event: z.string(), at_ms: z.int(), line: z.string().optional() });

async function readTranscript(home: string, runId: string): Promise<readonly z.infer<typeof Line>[]> {
  const text = await readFile(join(home, 'runs', runId, 'relay.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => Line.parse(JSON.parse(line)));
}
