import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '../error.ts';
import { escapeText, parseConsoleLine } from '../guest/console.ts';
import { readConsoleOutput } from './api/console-output.ts';
import { findById } from './inventory/kind.ts';
import { INSTANCES } from './inventory/instances.ts';
import type { Parts } from './parts.ts';

/** What the guest said of itself when it was ready, and how long EC2 took to show it. */
export interface Ready {
  readonly hostKey: string;
  /** The guest's own uptime when it was ready. */
  readonly uptimeSeconds: number;
  /** From the launch's answer to READY in our hands. */
  readonly waitedMs: number;
}

/** The console buffer of EC2 holds 64 KiB: a guest that says this much before READY is not booting. */
const CONSOLE_MAX_BYTES = 64 * 1024;
const SHOWN_LINES = 5;

/**
 * Reads the console through the control plane, which the guest's network cannot forge, until the guest says READY; what it says goes into
 * the run's console file. EC2 shows a console with a delay of its own, which is measured here and bounded by `readyMs`. Rejects with
 * DriverError: `machine_died` where the machine ended meanwhile, with AWS's reason.
 */
export async function awaitReady(parts: Parts, machineId: string, file: string, signal: AbortSignal): Promise<Ready> {
  const { waits } = parts;
  const since = performance.now();
  for (let shown = ''; ;) {
    if (signal.aborted) throw cancelled(signal.reason);
    const text = await readConsole(parts, machineId);
    await keep(file, shown, text);
    shown = text;
    const ready = readyIn(text, machineId);
    const waitedMs = Math.round(performance.now() - since);
    if (ready !== undefined) return { ...ready, waitedMs };
    await refuseEnded(parts, machineId, text);
    if (waitedMs > waits.readyMs)
      throw refusal('boot_timeout', `nothing of the kind within ${waits.readyMs / 1000} s`, text);
    await sleep(waits.pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The latest console, where EC2 has one yet. A machine that is not shown yet has none. */
async function readConsole({ clients }: Parts, machineId: string): Promise<string> {
  try {
    return await readConsoleOutput(clients.ec2, machineId);
  } catch (error) {
    // Lists run behind, and a throttled call is made again anyway.
    if (error instanceof DriverError && (error.retryable || /NotFound/.test(error.got))) return '';
    throw error;
  }
}

/** EC2 gives the last 64 KiB each time: where they go on from what is kept, only the news is appended. */
async function keep(file: string, shown: string, text: string): Promise<void> {
  if (text === shown) return;
  const news = text.startsWith(shown) ? text.slice(shown.length) : text;
  await appendFile(file, Buffer.from(news, 'latin1'), { mode: 0o600 });
}

function readyIn(text: string, machineId: string): Omit<Ready, 'waitedMs'> | undefined {
  if (text.length > CONSOLE_MAX_BYTES)
    throw refusal('boot_failed', `more than ${CONSOLE_MAX_BYTES} bytes before it`, text);
  // The last line may still be on its way.
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const message = parseConsoleLine(line);
    if (message === undefined) continue;
    if (message.kind === 'failed') throw refusal('boot_failed', `FAILED ${message.step}`, text);
    if (message.kind !== 'ready')
      throw refusal('boot_failed', message.kind === 'deadline' ? 'its own deadline' : 'a malformed line', text);
    if (message.machineId !== machineId) throw refusal('boot_failed', `READY from machine ${message.machineId}`, text);
    return { hostKey: message.hostKey, uptimeSeconds: message.uptimeSeconds };
  }
  return undefined;
}

async function refuseEnded({ clients }: Parts, machineId: string, text: string): Promise<void> {
  const seen = await findById(INSTANCES, clients.ec2, machineId);
  if (seen === undefined || ['pending', 'running'].includes(seen.state.split(',')[0] ?? '')) return;
  throw refusal('machine_died', seen.state, text);
}

function refusal(code: 'boot_failed' | 'boot_timeout' | 'machine_died', got: string, text: string): DriverError {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const last = lines.slice(-SHOWN_LINES).map((line) => escapeText(line.slice(0, 200)));
  return new DriverError(code, {
    expected: 'READY on the console',
    got: [escapeText(got), ...last].join(last.length > 0 ? ' | ' : ''),
    hint: 'the console is among the evidence; another image or placement may do',
  });
}

function cancelled(reason: unknown): DriverError {
  return new DriverError(
    'cancelled',
    { expected: 'READY on the console', got: 'a request to stop', hint: 'what exists by now is being destroyed' },
    { cause: reason },
  );
}
