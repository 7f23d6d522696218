import { spawn } from 'node:child_process';
import type { Environment } from './item.ts';

/** Between asking a process group to end and ending it: package managers finish the file they are writing. */
const GRACE_MS = 3_000;
/** Enough of a tool's output to say why it failed; a build log can be megabytes. */
const OUTPUT_LIMIT = 64 * 1024;

export interface CommandOptions {
  readonly env: Environment;
  readonly cwd?: string;
  readonly deadlineSeconds: number;
  readonly signal?: AbortSignal;
  /** Called with each line of either stream. */
  readonly onLine?: (line: string) => void;
}

/** How a program ended. It never throws for a program that fails: `ended` says why, `output` is the tail of both streams. */
export interface CommandResult {
  readonly ended: 'exit' | 'signal' | 'deadline' | 'cancelled' | 'not_started';
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** Runs one program in a process group of its own, without input, and ends the whole group at the deadline or the signal. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const deadline = AbortSignal.timeout(options.deadlineSeconds * 1000);
  const stop = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  if (stop.aborted) return { ended: 'cancelled', exitCode: undefined, output: '' };
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(options.onLine);
  child.stdout.on('data', output.add);
  child.stderr.on('data', output.add);
  const end = (): void => {
    endGroup(child.pid, 'SIGTERM');
    kill = setTimeout(() => {
      endGroup(child.pid, 'SIGKILL');
    }, GRACE_MS);
  };
  let kill: NodeJS.Timeout | undefined;
  stop.addEventListener('abort', end);
  child.once('error', (error) => {
    resolve({ ended: 'not_started', exitCode: undefined, output: error.message });
  });
  child.once('close', (code, signal) => {
    const forced = deadline.aborted ? 'deadline' : stop.aborted ? 'cancelled' : undefined;
    resolve({
      ended: forced ?? (signal === null ? 'exit' : 'signal'),
      exitCode: code ?? undefined,
      output: output.text(),
    });
  });
  try {
    return await promise;
  } finally {
    stop.removeEventListener('abort', end);
    clearTimeout(kill);
  }
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone, or root's (under sudo), and then its own deadline ends it.
  }
}

function collectOutput(onLine: ((line: string) => void) | undefined): {
  add: (chunk: Buffer) => void;
  text: () => string;
} {
  let tail = '';
  let partial = '';
  return {
    add(chunk) {
      const text = chunk.toString('utf8');
      tail = (tail + text).slice(-OUTPUT_LIMIT);
      const lines = (partial + text).split('\n');
      partial = (lines.pop() ?? '').slice(-OUTPUT_LIMIT);
      for (const line of lines) if (line.trim() !== '') onLine?.(line.trim());
    },
    text: () => tail.trim(),
  };
}
