import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CollectedStream,
  type Followed,
  FOLLOWED,
  type FollowedStream,
  type StreamEnd,
  type StreamName,
  STREAMS,
} from '../../evidence/index.ts';
import { buildReport, type Report, type ScriptAnswer } from '../../report/index.ts';
import type { SandboxStreams } from '../../../infra/driver.ts';
import type { LiveRun } from '../live.ts';

/** auditd hands on what happened within milliseconds, an emulated one within tenths of a second: this long without news means no more comes. */
const QUIET_MS = 250;
/** The longest a stream that goes on and on is waited for; what comes later is not of the task. */
const SETTLE_MAX_MS = 5_000;
const POLL_MS = 25;

/** Waits until the guest's streams have said what they had to say about the last action. Never rejects. */
export async function settleStreams(streams: SandboxStreams): Promise<void> {
  const files = [streams.audit, streams.executor, streams.sshd].filter((file) => file !== undefined);
  const sizes = () =>
    Promise.all(
      files.map((file) =>
        stat(file).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
  const until = performance.now() + SETTLE_MAX_MS;
  let last = await sizes();
  for (let quietSince = performance.now(); performance.now() < until && performance.now() - quietSince < QUIET_MS;) {
    await sleep(POLL_MS);
    const now = await sizes();
    if (now.some((size, index) => size !== last[index])) quietSince = performance.now();
    last = now;
  }
}

/** How each stream of the run ended: the guest's, which were followed into the evidence, and the relay's and the engine's, which grew there. */
export function describeStreams(
  live: LiveRun,
  followed: ReadonlyMap<FollowedStream, Followed>,
): readonly CollectedStream[] {
  const at = new Date().toISOString();
  const outcomes = [...followed.values()];
  const guest = FOLLOWED.map((stream): CollectedStream => ({
    stream,
    ended: { how: ENDED[followed.get(stream) ?? 'failed'], at },
  }));
  const arrivals = outcomes.includes('failed') ? 'lost' : 'closed';
  const isProvisioned = outcomes.includes('kept');
  return [
    ...guest,
    { stream: 'audit_file', ended: live.fetched ?? { how: 'never_opened', at } },
    { stream: 'arrivals', ended: { how: arrivals, at } },
    ours('relay', live.sessionEnd !== undefined, at),
    ours('engine', isProvisioned, at),
    ours('provider', isProvisioned, at),
    ...captured(live, at),
  ];
}

/** Listed where the driver holds the other end of the cable; after a crash, by what is left of it. */
function captured({ capture, folder, sandbox }: LiveRun, at: string): readonly CollectedStream[] {
  if (capture !== undefined) return [{ stream: 'capture', ended: { how: capture.close() ? 'closed' : 'lost', at } }];
  if (existsSync(join(folder, STREAMS.capture.file))) return [{ stream: 'capture', ended: { how: 'lost', at } }];
  return sandbox?.reach === 'wire' ? [ours('capture', false, at)] : [];
}

/** What became of a followed stream, as the manifest says it: `collected`, because its writer still stood. */
const ENDED: Readonly<Record<Followed, StreamEnd>> = { kept: 'collected', absent: 'never_opened', failed: 'lost' };

function ours(stream: StreamName, opened: boolean, at: string): CollectedStream {
  return { stream, ended: { how: opened ? 'closed' : 'never_opened', at } };
}

/** What the run's scripts did, from the audit stream and the executor's answers; null where no script was answered for. */
export async function reportOf(live: LiveRun, streams: SandboxStreams | undefined): Promise<Report | null> {
  const scripts = scriptAnswers(live);
  if (streams?.audit === undefined || scripts.length === 0) return null;
  return buildReport({ runId: live.runId, audit: await readFile(streams.audit), scripts });
}

function scriptAnswers(live: LiveRun): readonly ScriptAnswer[] {
  return live.answers.flatMap((answer) => {
    const asked = answer.id === null ? undefined : live.request?.actions[answer.id - 1];
    if (answer.status !== 'ok' || answer.action !== 'run_script' || asked?.action !== 'run_script') return [];
    return { requestId: answer.id, sha256: asked.args.sha256, result: answer.result };
  });
}
