import { existsSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CollectedStream,
  type Followed,
  FOLLOWED,
  type FollowedStream,
  readIfThere,
  type StreamEnd,
  type StreamName,
  STREAMS,
} from '../../evidence/index.ts';
import { buildReport, type Report, type ScriptAnswer } from '../../report/index.ts';
import type { SandboxStreams } from '../../../infra/driver.ts';
import type { LiveRun, StillToCome } from '../live.ts';

/** auditd hands on what happened within milliseconds, an emulated one within tenths of a second: this long without news means no more comes. */
const QUIET_MS = 250;
/** The longest a stream that goes on and on is waited for; what comes later is not of the task. */
const SETTLE_MAX_MS = 5_000;
/** The longest that records are waited for which the guest is known to have made. */
const FETCHED_MAX_MS = 20_000;
const POLL_MS = 25;

/**
 * Waits until the guest's streams have said what they had to say about the last action, and, where the guest's own audit file was fetched, until
 * its last record has come, and that of the login that fetched it. Never rejects.
 */
export async function settleStreams(streams: SandboxStreams, awaited: StillToCome): Promise<void> {
  const files = [streams.audit, streams.executor, streams.sshd].filter((file) => file !== undefined);
  const sizes = () => Promise.all(files.map(sizeOf));
  const since = performance.now();
  let [last, quietSince, hasCome] = [await sizes(), since, false];
  for (;;) {
    const [now, waited] = [performance.now(), performance.now() - since];
    hasCome ||= (await endsWith(streams.audit, awaited.audit)) && (await endsWith(streams.sshd, awaited.sshd));
    if (hasCome ? now - quietSince >= QUIET_MS || waited > SETTLE_MAX_MS : waited > FETCHED_MAX_MS) return;
    await sleep(POLL_MS);
    const found = await sizes();
    if (found.some((size, index) => size !== last[index])) quietSince = performance.now();
    last = found;
  }
}

function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

/** More than auditd writes while a log is fetched. */
const TAIL_BYTES = 256 * 1024;

/** Whether a record is among the last of a stream. */
async function endsWith(file: string | undefined, record: Buffer | undefined): Promise<boolean> {
  if (file === undefined || record === undefined) return true;
  try {
    await using handle = await open(file);
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(
      Buffer.alloc(TAIL_BYTES),
      0,
      TAIL_BYTES,
      Math.max(0, size - TAIL_BYTES),
    );
    return buffer.subarray(0, bytesRead).includes(record);
  } catch {
    return true;
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

/** What the run's scripts did, from the audit stream as it is kept (what a guest floods is kept in part) and the executor's answers; null where no script was answered for. */
export async function reportOf(live: LiveRun, streams: SandboxStreams | undefined): Promise<Report | null> {
  const scripts = scriptAnswers(live);
  if (streams?.audit === undefined || scripts.length === 0) return null;
  const kept = await readIfThere(join(live.folder, STREAMS.audit.file));
  return buildReport({ runId: live.runId, audit: kept ?? (await readFile(streams.audit)), scripts });
}

function scriptAnswers(live: LiveRun): readonly ScriptAnswer[] {
  return live.answers.flatMap((answer) => {
    const asked = answer.id === null ? undefined : live.request?.actions[answer.id - 1];
    if (answer.status !== 'ok' || answer.action !== 'run_script' || asked?.action !== 'run_script') return [];
    return { requestId: answer.id, sha256: asked.args.sha256, result: answer.result };
  });
}
