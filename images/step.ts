import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ImageError } from './error.ts';

export interface StepOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly deadlineSeconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with what the step says it is doing (`step: …` on its standard error). */
  readonly onProgress: (what: string) => void;
}

/** What whoever builds says of a step's surroundings. */
export interface StepSurroundings {
  /** Variables for the tools: PATH, HOME, proxies, MIRROR and SECURITY are passed on, nothing else. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** A short phrase for people: what is going on now. */
  readonly onProgress: (what: string) => void;
}

/** The options of a step: of the caller's variables only what the tools need. */
export function stepOptions({ env = {}, signal, onProgress }: StepSurroundings, deadlineSeconds: number): StepOptions {
  const passed = PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return {
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...Object.fromEntries(passed) },
    deadlineSeconds,
    signal,
    onProgress,
  };
}

const PASSED_ON = [
  'PATH',
  'HOME',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'MIRROR',
  'SECURITY',
];

/** Runs one script of the recipe in a process group of its own and ends the whole group at the deadline or the signal. */
export async function runStep(program: string, args: readonly string[], options: StepOptions): Promise<void> {
  const deadline = AbortSignal.timeout(options.deadlineSeconds * 1000);
  const stop = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  if (stop.aborted) throw explain(program, options, deadline, stop.reason);
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | NodeJS.Signals | null>();
  const child = spawn(program, args, { env: { ...options.env }, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const said = readLines(child.stderr, options.onProgress);
  let kill: NodeJS.Timeout | undefined;
  const end = (): void => {
    endGroup(child.pid, 'SIGTERM');
    kill = setTimeout(endGroup, GRACE_MS, child.pid, 'SIGKILL');
  };
  stop.addEventListener('abort', end);
  child.once('error', reject);
  child.once('close', (code, signal) => {
    resolve(code ?? signal);
  });
  try {
    const status = await ended;
    stop.throwIfAborted();
    if (status !== 0) throw new Error(`exit ${String(status)}: ${said().trim()}`);
  } catch (cause) {
    throw explain(program, options, deadline, cause);
  } finally {
    stop.removeEventListener('abort', end);
    clearTimeout(kill);
  }
}

/** Between asking the group to end and ending it: mmdebstrap unmounts what it mounted. */
const GRACE_MS = 10_000;
/** The end of what a tool wrote, enough to say why it failed. */
const SAID_LINES = 15;

function readLines(stream: NodeJS.ReadableStream, onProgress: (what: string) => void): () => string {
  const lines: string[] = [];
  createInterface({ input: stream }).on('line', (line) => {
    if (line.startsWith('step: ')) onProgress(line.slice('step: '.length));
    else lines.push(line);
    if (lines.length > SAID_LINES) lines.shift();
  });
  return () => lines.join('\n');
}

// What an ended script leaves lies in the build folder, which the next build removes.
function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // gone already
  }
}

function explain(program: string, options: StepOptions, deadline: AbortSignal, cause: unknown): ImageError {
  const again = 'what is done is kept: run `burnbag setup` again';
  if (options.signal?.aborted === true)
    return new ImageError(
      'cancelled',
      { expected: `${program} to end`, got: 'a request to stop', hint: again },
      { cause },
    );
  const expected = `${program} to succeed within ${options.deadlineSeconds} s`;
  if (deadline.aborted) return new ImageError('deadline_passed', { expected, got: 'no end', hint: again }, { cause });
  const hint = 'see what the tool says; the Debian mirror may be out of reach';
  return new ImageError('step_failed', { expected, got: (cause as Error).message, hint }, { cause });
}
