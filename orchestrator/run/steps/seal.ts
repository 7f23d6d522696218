import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxStreams } from '../../../infra/driver.ts';
import {
  type ArchiveRecord,
  archiveRun,
  type LockVerdict,
  SEAL_FILES,
  sealRun,
  type RunFacts,
  type Seal,
  spoolRun,
} from '../../evidence/index.ts';
import { explain } from '../../errors.ts';
import { buildTimeline, TIMELINE_FILE, writeTimeline } from '../../report/index.ts';
import type { LiveRun, Stamp } from '../live.ts';
import type { Run } from '../run.ts';
import type { Deps, Step } from '../step.ts';
import type { OpenVault } from '../vault.ts';
import { describeStreams, reportOf, settleStreams } from './collect.ts';
import { fetchGuestFile } from './fetch-guest-file.ts';
import { closeLogStreams } from './log-streams.ts';
import { revokeUnused } from './revoke-unused.ts';
import { bounded, limitOf } from './within.ts';

/** Ends the session, copies the streams, writes the report, signs it all and puts it under Object Lock. */
export const collectAndSeal: Step<'collecting'> = async (run, live, deps) => {
  live.sessionEnd ??= await live.session?.close();
  live.session = undefined;
  await revokeUnused(run, live, deps);
  await fetchGuestFile(run, live, deps);
  live.onLateCall = () => undefined;
  const streams = await findStreams(run, live, deps);
  if (live.sessionEnd !== undefined && streams !== undefined) await settleStreams(streams, live.awaited);
  await closeLogStreams(live);
  const followed = await live.follow(() => deps.driver.streams(run.runId)).finish();
  const collected = describeStreams(live, followed);
  live.report = await reportOf(live, streams);
  if (live.executedSince !== undefined) endExecuted(live, live.executedSince, deps);
  const since = performance.now();
  deps.observe({ type: 'phase_started', runId: run.runId, phase: 'sealed' });
  const seal = await sealRun({
    dir: live.folder,
    run: await factsOf(run, live, deps),
    streams: collected,
    ids: await deps.journal.listIds(run.runId),
    files: [
      ...(live.report === null ? [] : [{ name: 'report.json', content: `${JSON.stringify(live.report)}\n` }]),
      { name: TIMELINE_FILE, content: writeTimeline(await buildTimeline(live.folder, run.runId)) },
    ],
    archive: await openVault(live, deps).then(
      ({ facts }) => facts,
      () => null,
    ),
    signer: deps.vault.evidenceSigner,
  }).finally(() => owe(run, live, deps));
  live.stamp = await stamp(run, live, deps);
  live.evidence = { record: await archiveBundle(run, live, deps), seal };
  const { durationMs, ...ended } = live.end('sealed', since);
  deps.observe({
    type: 'phase_ended',
    ok: live.evidence.record !== null,
    durationMs,
    summary: describeSeal(seal, live),
    ...ended,
  });
  return 'sealed';
};

/** Sealed, or listed and not signed because its signer is down: either is owed to the archive. */
async function owe({ runId }: Run, live: LiveRun, { home }: Deps): Promise<void> {
  if (!existsSync(join(live.folder, SEAL_FILES.manifest))) return;
  await spoolRun(home, runId).catch((error: unknown) => {
    live.fail(error);
  });
}

/** From here on nobody may use the sandbox. */
export const beginBurn: Step<'sealed'> = () => Promise.resolve('destroying');

/** Where the guest's streams lie; a run taken up after a crash asks the driver, and a machine that never was has none. */
async function findStreams(run: Run, live: LiveRun, deps: Deps): Promise<SandboxStreams | undefined> {
  if (live.sandbox !== undefined) return live.sandbox.streams;
  return deps.driver.streams(run.runId);
}

function endExecuted(live: LiveRun, since: number, deps: Deps): void {
  const { durationMs, ...ended } = live.end('executed', since);
  deps.observe({
    type: 'phase_ended',
    ok: live.outcome() === 'succeeded',
    durationMs,
    summary: describeExecution(live),
    ...ended,
  });
}

function describeExecution(live: LiveRun): string {
  const [script] = live.report?.scripts ?? [];
  const counts = live.report?.counts;
  if (script === undefined || counts === undefined) {
    const ok = live.answers.filter((one) => one.status === 'ok').length;
    return `${ok} of ${live.request?.actions.length ?? 0} actions done`;
  }
  const how = script.timed_out
    ? 'timed out'
    : script.exit_code === null
      ? `ended by ${script.signal ?? 'a signal'}`
      : `exit ${script.exit_code}`;
  const tried = `${counts.connections_tried} connections tried, ${counts.connections_possible} possible`;
  return `${how} · ${counts.processes} processes · ${counts.files_written} files written · ${tried}`;
}

async function factsOf(run: Run, live: LiveRun, deps: Deps): Promise<RunFacts> {
  const { sandbox } = live;
  const certificates = await deps.journal.listCertificates(run.runId);
  return {
    run_id: run.runId,
    task_id: run.taskId,
    requester: run.requester,
    profile: run.profile,
    driver: deps.driver.name,
    engine: sandbox?.engine ?? null,
    stack: sandbox?.stack ?? null,
    isolation: sandbox?.isolation ?? null,
    reach: sandbox?.reach ?? null,
    machine_network: sandbox?.machineNetwork ?? null,
    machine_id: sandbox?.machineId ?? null,
    image_digest: sandbox?.imageDigest ?? null,
    policy_sha256: deps.policy.sha256,
    certificate_serials: certificates.map(({ serial }) => serial),
    outcome: run.outcome ?? null,
  };
}

function openVault(live: LiveRun, deps: Deps): Promise<OpenVault> {
  return bounded(live, 'the archive to answer', () => deps.vault.open());
}

/** Puts the bundle under lock. A store that is down does not keep a sandbox alive: the evidence stays here, and that is said. */
export async function archiveBundle(run: Run, live: LiveRun, deps: Deps): Promise<ArchiveRecord | null> {
  try {
    const { archive: store, facts } = await openVault(live, deps);
    const { publicKey } = deps.vault.evidenceSigner;
    const request = { dir: live.folder, publicKey, archive: store, facts };
    const put = (signal: AbortSignal) => archiveRun({ ...request, signal });
    return await bounded(live, 'the archive to take the evidence', put);
  } catch (error) {
    live.fail(error);
    const { code, got } = explain(error);
    deps.observe({
      type: 'notice',
      runId: run.runId,
      text: `evidence pending: sealed here, not archived (${code}: ${got}); tried again later, and at once by \`burnbag evidence archive\``,
    });
    return null;
  }
}

/** Enough to know what to do. */
const WHY_MAX = 512;

/** Asks for a signed statement of the time. It is worth a few seconds of a sandbox's life, no more: without an answer the evidence stands, and says why it has none. */
async function stamp(run: Run, live: LiveRun, deps: Deps): Promise<Stamp | null> {
  try {
    return await deps.vault.stamp(live.folder, limitOf(live));
  } catch (error) {
    const { code, got } = explain(error);
    const why = `${code}: ${got}`.slice(0, WHY_MAX);
    deps.observe({ type: 'notice', runId: run.runId, text: `no timestamp: ${why}; the evidence stands without it` });
    return { why };
  }
}

function describeSeal({ manifest }: Seal, live: LiveRun): string {
  const time = describeStamp(live.stamp ?? null);
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const record = live.evidence?.record ?? null;
  const where =
    record === null
      ? 'not archived'
      : `archive ${labelOf(record.lock.probe)}: ${record.lock.asked.mode} until ${record.lock.asked.retain_until.slice(0, 10)}`;
  return `${manifest.files.length} files, ${Math.ceil(bytes / 1000)} kB, signed${time} · evidence ${manifest.verdict} · ${where}`;
}

function describeStamp(stamp: Stamp | null): string {
  if (stamp === null) return '';
  return 'at' in stamp ? `, timestamped ${stamp.at}` : ', NO TIMESTAMP';
}

/** Loud: what lies under a lock that can be lifted is no evidence yet. */
function labelOf(probe: LockVerdict): string {
  return probe === 'rehearsal' ? 'REHEARSAL' : probe;
}
