import './no-jit.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { GUEST } from './guest.ts';

/**
 * agent-exec. Who starts it decides what it is, never what it is told:
 * as agent-runner, sshd's forced command, it serves one session, whatever its arguments; as root, and only with the one argument `spawner`,
 * it is the resident root half, started by init; as the powerless user, and only with `migrate` first, it applies one migration, started by
 * the root half. Anybody else gets nothing. None of them loads the others' code.
 */
async function main(): Promise<void> {
  process.umask(0o022);
  const uid = process.getuid?.();
  if (uid === GUEST.agentUser) {
    const exitCode = await serveSession();
    if (exitCode === EXIT.expired || exitCode === EXIT.refused) await hangUp();
    process.exit(exitCode);
  } else if (uid === 0 && process.argv.length === 3 && process.argv[2] === 'spawner') {
    const { serveSpawner } = await import('./spawner/serve.ts');
    await serveSpawner(GUEST);
  } else if (uid === GUEST.scriptUser && process.argv[2] === 'migrate') {
    const { serveMigration } = await import('./migration/serve.ts');
    process.exitCode = serveMigration(process.argv.slice(3), GUEST.root);
  } else {
    process.stderr.write(`agent-exec: expected uid ${GUEST.agentUser} (sshd) or root with "spawner" (init)\n`);
    process.exit(EXIT.usage);
  }
}

async function serveSession(): Promise<ExitCode> {
  const { runSession } = await import('./session/session.ts');
  const terminated = new AbortController();
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    process.on(signal, () => {
      terminated.abort();
    });
  }
  const authenticationFile = process.env['SSH_USER_AUTH'];
  return runSession(
    { input: process.stdin, output: process.stdout, authenticationFile, terminated: terminated.signal },
    GUEST,
  );
}

/** What the last line may take to leave: it crosses two pipes of this machine. */
const LAST_LINE_MS = 300;

/**
 * Ends the whole connection, tunnels too, although the relay may hold on to it: our parent is sshd's half for this login, of our own user.
 * The end of the forced command alone would end the session's channel only.
 */
async function hangUp(): Promise<void> {
  await sleep(LAST_LINE_MS);
  process.kill(process.ppid, 'SIGTERM');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(EXIT.internal);
});
