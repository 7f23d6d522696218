import type { Guest } from '../agent/guest.ts';
import { runSession } from '../agent/session/session.ts';

/** The session half as a process of its own, in a sandbox that its first argument describes. For tests: the product's entry is agent/main.ts. */
const described = JSON.parse(process.argv[2] ?? '{}') as Omit<Guest, 'now'>;
const terminated = new AbortController();
process.on('SIGTERM', () => {
  terminated.abort();
});
const guest: Guest = { ...described, now: () => Date.now() };
const io = {
  input: process.stdin,
  output: process.stdout,
  authenticationFile: process.env['SSH_USER_AUTH'],
  terminated: terminated.signal,
};
process.exit(await runSession(io, guest));
