import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { JOB_FOLDER } from '../../protocol/contracts.ts';
import { ActionFailure, errnoOf } from '../failure.ts';
import type { Guest } from '../guest.ts';
import type { Cgroup } from './cgroup.ts';

/** What a script is started with. */
export interface Start {
  readonly path: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdout: number;
  readonly stderr: number;
}

/**
 * Starts a script inside its cgroup, without power: its own user and group, no other groups, its own session, nothing open but its two
 * outputs. That it cannot regain power (no_new_privs) it inherits from this process, which was started so.
 * Resolves when execve(2) has succeeded; throws ActionFailure.
 */
export async function startScript(start: Start, cgroup: Cgroup, guest: Guest): Promise<ChildProcess & { pid: number }> {
  const child = cgroup.inside(() =>
    // From here on it is not root any more: setgroups, setgid and setuid come before execve in the child.
    spawn(join(guest.root, start.path), [...start.args], {
      uid: guest.scriptUser,
      gid: guest.scriptUser,
      cwd: join(guest.root, JOB_FOLDER),
      env: { ...start.environment },
      stdio: ['ignore', start.stdout, start.stderr],
      detached: true,
    }),
  );
  const { pid } = child;
  if (pid === undefined) throw notStarted(await errorOf(child));
  return Object.assign(child, { pid });
}

function errorOf(child: ChildProcess): Promise<Error> {
  return new Promise((resolve) => {
    child.once('error', resolve);
  });
}

function notStarted(error: Error): ActionFailure {
  const errno = errnoOf(error) ?? 'an error';
  const hint = HINTS[errno] ?? 'see errno(3), execve(2)';
  const said = { expected: 'execve to start the script', got: errno, hint };
  return new ActionFailure(errno === 'EAGAIN' || errno === 'ENOMEM' ? 'NO_SPACE' : 'NOT_EXECUTABLE', said, {
    cause: error,
  });
}

const HINTS: Readonly<Record<string, string | undefined>> = {
  ENOENT: 'the interpreter in its #! line is not in the sandbox',
  EACCES: 'the interpreter in its #! line may not be executed',
  ENOEXEC: 'the kernel does not know this format',
  E2BIG: 'its arguments are too long together',
};
