import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Guest } from '../guest.ts';
import { Cgroup, type CgroupLimits } from './cgroup.ts';
import type { FrameKind } from './frames.ts';
import type { Outcome } from './outcome.ts';
import { Pipe } from './pipe.ts';
import { startScript } from './start.ts';

/** Names of the FIFOs in the root half's folder. */
export const FIFOS = { stdout: 'stdout', stderr: 'stderr' } as const;

/** What every script runs under. */
export interface Confined {
  readonly limits: CgroupLimits;
  readonly environment: Readonly<Record<string, string>>;
}

/** A program with its arguments, by vector, and how long it may take. */
export interface Command {
  readonly argv: readonly string[];
  readonly timeoutMs: number;
}

/** Takes output away. Resolves when there is room for more, so a slow reader slows the script instead of filling memory; never rejects. */
export type Emit = (kind: FrameKind, payload: Buffer) => Promise<void>;

/** Everything is dead by then; what is still in the pipes is 64 KiB each. */
const DRAIN_TIMEOUT_MS = 5_000;

let runs = 0;

/**
 * Runs one program to its end: when its first process exits, at its deadline, or when `unwanted` says that nobody waits any more.
 * In each case everything it started is killed with it. Throws ActionFailure when it could not be started.
 */
export async function runConfined(
  { argv: [path = '', ...args], timeoutMs }: Command,
  confined: Confined,
  guest: Guest,
  emit: Emit,
  unwanted: AbortSignal,
): Promise<Outcome> {
  // Undone backwards, whatever happens: first everything is killed, then the pipes close, then the cgroup goes.
  await using undo = new AsyncDisposableStack();
  const cgroup = new Cgroup(guest.cgroupFolder, `detonate-${process.pid}-${++runs}`, confined.limits);
  undo.defer(() => cgroup.remove());
  const stdout = undo.use(new Pipe(join(guest.spawnerFolder, FIFOS.stdout)));
  const stderr = undo.use(new Pipe(join(guest.spawnerFolder, FIFOS.stderr)));
  undo.defer(() => {
    cgroup.kill();
  });

  const started = performance.now();
  const elapsed = (): number => Math.round(performance.now() - started);
  const outputs = { stdout: stdout.writer.fd, stderr: stderr.writer.fd };
  const child = await startScript({ path, args, ...confined, ...outputs }, cgroup, guest);
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  // Only the script holds the writing ends now, so its end is the end of its output.
  stdout.writer[Symbol.dispose]();
  stderr.writer[Symbol.dispose]();
  await emit('started', Buffer.from(JSON.stringify({ pid: child.pid })));

  const first: { outputMs: number | null } = { outputMs: null };
  const onChunk: Emit = (kind, chunk) => {
    first.outputMs ??= elapsed();
    return emit(kind, chunk);
  };
  const drained = Promise.all([pump(stdout.reader, 'stdout', onChunk), pump(stderr.reader, 'stderr', onChunk)]);
  const timed_out = await isLate(exited, timeoutMs, unwanted);
  const duration_ms = elapsed();
  cgroup.kill();
  const [exit_code, signal] = await exited;
  await atMost(drained, DRAIN_TIMEOUT_MS);
  const out_of_memory = cgroup.ranOutOfMemory;
  return { exit_code, signal, timed_out, out_of_memory, duration_ms, first_output_ms: first.outputMs };
}

async function pump(reader: Readable, kind: 'stdout' | 'stderr', emit: Emit): Promise<void> {
  try {
    for await (const chunk of reader as AsyncIterable<Buffer>) await emit(kind, chunk);
  } catch {
    // The pipe was closed under us: its script was given up.
  }
}

/** Waits for the first process to exit, for the deadline or for nobody to wait any more; true when it was the deadline. */
async function isLate(exited: Promise<unknown>, timeoutMs: number, unwanted: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onUnwanted = (): void => {
    resolve(false);
  };
  const timer = setTimeout(resolve, timeoutMs, true);
  unwanted.addEventListener('abort', onUnwanted, { once: true });
  if (unwanted.aborted) onUnwanted();
  try {
    return await Promise.race([promise, exited.then(() => false)]);
  } finally {
    clearTimeout(timer);
    unwanted.removeEventListener('abort', onUnwanted);
  }
}

async function atMost(done: Promise<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  await Promise.race([done, promise]);
  clearTimeout(timer);
}
