import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '../../error.ts';
import { escapeText, parseConsoleLine, type ConsoleMessage } from '../../guest/console.ts';
import type { MachineEnd } from './spawn.ts';

/** What to wait for, and what ends the wait. */
export interface Wait {
  readonly consoleFile: string;
  readonly machineId: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** How the process ended, once it has. */
  readonly ended: () => MachineEnd | undefined;
  /** What QEMU itself said, for the message when it ends early. */
  readonly machineLog: () => Promise<string>;
}

export type Ready = Extract<ConsoleMessage, { kind: 'ready' }>;

/**
 * Follows the console until the guest says READY. Only then is anything listening. Rejects with DriverError, the console's last lines in it.
 */
export async function awaitReady(wait: Wait): Promise<Ready> {
  await using file = await open(wait.consoleFile, 'r');
  const buffer = Buffer.alloc(64 * 1024);
  const until = performance.now() + wait.deadlineMs;
  let [text, scanned] = ['', 0];
  for (;;) {
    const ended = wait.ended();
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    text += buffer.toString('latin1', 0, bytesRead);
    for (let end = text.indexOf('\n', scanned); end !== -1; end = text.indexOf('\n', scanned)) {
      const message = parseConsoleLine(text.slice(scanned, end));
      scanned = end + 1;
      if (message !== undefined) return accept(message, wait, text);
    }
    if (bytesRead > 0 && text.length < CONSOLE_MAX_BYTES) continue;
    if (text.length >= CONSOLE_MAX_BYTES)
      throw bootFailed(`more than ${CONSOLE_MAX_BYTES} bytes of console before it`, text);
    if (ended !== undefined) throw died(ended, await wait.machineLog(), text);
    if (wait.signal.aborted) throw cancelled(wait.signal.reason);
    if (performance.now() > until) throw timedOut(wait.deadlineMs, text);
    await sleep(POLL_MS);
  }
}

/** How often the console is looked at: small beside a boot, and a read of nothing costs microseconds. */
const POLL_MS = 8;
/** A boot says a few lines; a guest that says this much is not booting. */
const CONSOLE_MAX_BYTES = 1024 * 1024;
const SHOWN_LINES = 5;

function accept(message: ConsoleMessage, wait: Wait, text: string): Ready {
  if (message.kind === 'failed') throw bootFailed(`FAILED ${message.step}`, text);
  if (message.kind !== 'ready')
    throw bootFailed(message.kind === 'deadline' ? 'its own deadline' : 'a malformed line', text);
  if (message.machineId !== wait.machineId) throw bootFailed(`READY from machine ${message.machineId}`, text);
  return message;
}

function bootFailed(got: string, text: string): DriverError {
  return refusal(
    'boot_failed',
    `${escapeText(got)}${lastLines(text)}`,
    'the image may be damaged: run `burnbag setup`',
  );
}

function timedOut(deadlineMs: number, text: string): DriverError {
  const hint = 'the host may be overloaded: try again with less running';
  return refusal('boot_timeout', `nothing of the kind within ${deadlineMs / 1000} s${lastLines(text)}`, hint);
}

/** QEMU's own words decide what kind of end it was. */
function died({ exitCode, signal }: MachineEnd, log: string, text: string): DriverError {
  const got = `the end of QEMU (exit ${exitCode ?? '-'}, signal ${signal ?? '-'})${lastLines(log)}${lastLines(text)}`;
  if (/Cannot allocate memory|cannot set up guest memory/.test(log))
    return refusal('no_memory', got, 'free some memory, or choose a smaller profile');
  return refusal('machine_died', got, 'see qemu.log among the evidence');
}

function cancelled(reason: unknown): DriverError {
  return new DriverError(
    'cancelled',
    { expected: 'READY on the console', got: 'a request to stop', hint: 'what exists by now is being destroyed' },
    { cause: reason },
  );
}

function refusal(code: DriverError['code'], got: string, hint: string): DriverError {
  return new DriverError(code, { expected: 'READY on the console', got, hint });
}

function lastLines(text: string): string {
  const lines = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-SHOWN_LINES);
  return lines.length === 0 ? '' : `: ${lines.map((line) => escapeText(line.slice(0, 200))).join(' | ')}`;
}
