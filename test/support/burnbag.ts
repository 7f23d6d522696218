import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT, type TestHome } from './home.ts';

/** A whole run takes 6 to 10 s here; four of them side by side on a busy machine, a minute and a half. */
const DEADLINE_MS = 240_000;
const POLL_MS = 50;

/** How a command ended. `exitCode` is null where a signal ended it. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way, in a process group of its own. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** What it has said on stderr by now. */
  said(): string;
  /** To the whole group, as a terminal does it with Ctrl-C. */
  interrupt(): void;
  /** Stops reading what it says, as `| head` does. */
  hangUp(): void;
  /** To the process alone. */
  kill(signal: NodeJS.Signals): void;
}

export interface StartOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  /** Another program that is to start the launcher: `['unshare', '--mount']`. */
  readonly through?: readonly string[];
}

/** Starts `./burnbag ARGS` on a test's data directory: the real launcher, an argument array, an explicit environment, a deadline. */
export function startBurnbag(place: TestHome, args: readonly string[], options: StartOptions = {}): Running {
  const [program = '', ...rest] = [...(options.through ?? []), join(ROOT, 'burnbag'), ...args];
  const child = spawn(program, rest, {
    cwd: place.scripts,
    env: { ...place.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`expected ${program} to start`);
  // A command that has no use for its input may close it first.
  child.stdin.on('error', () => undefined).end(options.input ?? '');
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (exitCode, signal) => {
      resolve({ exitCode, signal, ...output });
    });
  });
  return {
    pid,
    ended,
    said: () => output.stderr,
    interrupt: () => process.kill(-pid, 'SIGINT'),
    hangUp: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    kill: (signal) => process.kill(pid, signal),
  };
}

/** Runs one command to its end. */
export function burnbag(place: TestHome, args: readonly string[], options?: StartOptions): Promise<Ended> {
  return startBurnbag(place, args, options).ended;
}

/** What `--json` printed: one document on one line and nothing else. */
export function parseDocument({ stdout, stderr, exitCode }: Ended): unknown {
  try {
    return JSON.parse(stdout);
  } catch (cause) {
    throw new Error(`expected one JSON document, got exit ${exitCode}: ${stdout}\n${stderr}`, { cause });
  }
}

/** Asks again until there is an answer; what is asked for never comes late by more than a busy machine explains. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + DEADLINE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > until) throw new Error(`expected ${what} within ${DEADLINE_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}
