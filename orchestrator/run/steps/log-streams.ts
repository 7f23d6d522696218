import { COLLECTING_SECONDS } from '../../ca/index.ts';
import { type LogStream, openLogStream } from '../../relay/index.ts';
import type { LiveRun } from '../live.ts';
import type { Run } from '../run.ts';
import type { Deps } from '../step.ts';
import { mintSecondLogin } from './second-login.ts';

/** The guest's name for each log, and the stream it is in the evidence. */
const LOGS = [
  { log: 'audit', stream: 'audit' },
  { log: 'exec', stream: 'executor' },
  { log: 'sshd', stream: 'sshd' },
] as const;

/**
 * Has the guest's logs copied out from now on, where its only way out is the relay: one login each, by an audit certificate of its own. All of
 * them stand before the first action is sent: no silence, no action.
 */
export async function openLogStreams(run: Run, live: LiveRun, deps: Deps): Promise<void> {
  if (live.sandbox?.streamsFilledBy !== 'relay') return;
  // Side by side: as many logins at a time as the guest's sshd has room for.
  const opened = await Promise.allSettled(LOGS.map((log) => openOne(log, run, live, deps)));
  for (const one of opened) if (one.status === 'fulfilled' && one.value !== undefined) live.logStreams.push(one.value);
  const failed = opened.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function openOne(
  { log, stream }: (typeof LOGS)[number],
  run: Run,
  live: LiveRun,
  deps: Deps,
): Promise<LogStream | undefined> {
  const { sandbox, granted, signal } = live;
  const file = sandbox?.streams[stream];
  if (sandbox === undefined || granted === undefined || file === undefined) return undefined;
  // The sandbox ends a connection with its certificate, and what happened at the very end of a grant is told after it.
  const ttlSeconds = granted.ttlSeconds + COLLECTING_SECONDS;
  const { login } = await mintSecondLogin('mintAudit', run, sandbox, ttlSeconds, deps);
  return openLogStream({
    ...{ ...login, log, file, signal },
    onRecord: (record) => {
      live.logs.relay.append(record);
    },
  });
}

/** Ends the copying, once the streams have said what they had to say. Never rejects. */
export async function closeLogStreams(live: LiveRun): Promise<void> {
  await Promise.allSettled(live.logStreams.map((stream) => stream.close()));
  live.logStreams.length = 0;
}
