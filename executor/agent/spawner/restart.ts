import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { argvOf } from '../argv.ts';
import { CATALOGUE } from '../catalogue.ts';
import { ActionFailure, errnoOf } from '../failure.ts';
import { listProcesses } from '../machine/processes.ts';

/** What a restart did: `old_pid` is null where the service was not running. */
export const Restarted = z.strictObject({
  old_pid: z.int().min(1).nullable(),
  new_pid: z.int().min(1),
  duration_ms: z.int().min(0),
});
export type Restarted = z.infer<typeof Restarted>;

/** A service that ends in order writes out what it holds; one that does not within this time is killed. */
const END_TIMEOUT_MS = 5_000;

/** A start under emulation takes a fraction of this. */
const START_TIMEOUT_MS = 20_000;

const POLL_MS = 20;

/**
 * Ends a service and starts it anew, by the catalogue's own row for it: the caller only names the row. Once it has begun it is not given up,
 * whoever goes meanwhile, so no service is left ended half way. Throws ActionFailure.
 */
export async function restartService(unit: string): Promise<Restarted> {
  const row = CATALOGUE.actions.restart_service?.units?.find((one) => one.unit === unit);
  if (row === undefined) throw failed('a unit of the catalogue', unit);
  const started = performance.now();
  const old = pidOf(unit);
  if (old !== undefined) await endProcess(unit, old);
  const [program = '', ...args] = argvOf(row.program, {});
  const { status, error } = spawnSync(program, args, { env: {}, stdio: 'ignore', timeout: START_TIMEOUT_MS });
  if (status !== 0) throw failed(`${program} to start ${unit}`, error?.message ?? `exit ${String(status)}`);
  const pid = await until(START_TIMEOUT_MS, () => pidOf(unit));
  if (pid === undefined) throw failed(`a process of ${unit}`, 'none');
  return { old_pid: old ?? null, new_pid: pid, duration_ms: Math.round(performance.now() - started) };
}

async function endProcess(unit: string, pid: number): Promise<void> {
  signalTo(pid, 'SIGTERM');
  const gone = (): true | undefined => (pidOf(unit) === pid ? undefined : true);
  if ((await until(END_TIMEOUT_MS, gone)) !== undefined) return;
  signalTo(pid, 'SIGKILL');
  if ((await until(END_TIMEOUT_MS, gone)) === undefined)
    throw failed(`process ${pid} of ${unit} to end`, 'one that stays');
}

/** Root's process of that name: anybody's process can have any name. */
function pidOf(name: string): number | undefined {
  return listProcesses().entries.find((entry) => entry.uid === 0 && entry.name === name && entry.state !== 'Z')?.pid;
}

async function until<T>(timeoutMs: number, ask: () => T | undefined): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = ask();
    if (answer !== undefined || performance.now() > deadline) return answer;
    await sleep(POLL_MS);
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function failed(expected: string, got: string): ActionFailure {
  return new ActionFailure('SERVICE_FAILED', { expected, got, hint: 'check_health tells which services run' });
}
