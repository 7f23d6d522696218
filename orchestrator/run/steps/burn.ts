import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ConcreteId, Deletion, Observation } from '../../../infra/driver.ts';
import {
  ARCHIVE_FILE,
  archiveReceipt,
  type BurnProof,
  openBurnLog,
  SEAL_FILES,
  signReceipt,
  unspoolRun,
} from '../../evidence/index.ts';
import { explain } from '../../errors.ts';
import type { LiveRun } from '../live.ts';
import { untilJournalled } from '../patience.ts';
import type { Run } from '../run.ts';
import type { Deps, Step } from '../step.ts';
import { isSame, type Looked, lookTwice } from './look.ts';
import { archiveBundle } from './seal.ts';
import { bounded } from './within.ts';

/**
 * Deletes everything the run ever had, looks for each id twice, and signs the receipt only when every look found nothing.
 * Nothing stands in the way of the deletion: neither a journal that does not answer nor a list that cannot be written.
 */
export const burnAndProve: Step<'destroying'> = async (run, live, deps) => {
  const since = performance.now();
  deps.observe({ type: 'phase_started', runId: run.runId, phase: 'burned' });
  const isRevoked = await revoke(run, deps).then(
    () => true,
    () => false,
  );
  const deletions = await destroy(run, live, deps);
  if (!isRevoked) await untilJournalled(() => revoke(run, deps));
  const proofs = await lookTwice(deps.driver, run.runId, { targets: await everyId(run, deps), deletions });
  const present = proofs.filter(({ problem }) => problem !== undefined);
  live.burn = {
    ids: proofs.length,
    notGone: present.map(({ target, problem }) => ({ kind: target.kind, id: target.id, why: problem ?? '' })),
    receipt: null,
    receiptArchived: false,
  };
  if (present.length === 0) await prove(run, live, proofs, deps);
  else {
    deps.observe({ type: 'notice', runId: run.runId, text: quarantineNotice(run, present) });
    await archiveMeanwhile(run, live, deps);
  }
  const { durationMs, ...ended } = live.end('burned', since);
  const gone = proofs.length - present.length;
  const summary = `${gone} of ${proofs.length} ids proven gone · ${live.burn.receipt === null ? 'NO RECEIPT: quarantined' : 'receipt signed'}`;
  deps.observe({ type: 'phase_ended', ok: live.burn.receipt !== null, durationMs, summary, ...ended });
  return present.length === 0 ? 'destroyed' : 'quarantined';
};

/** A run that cannot be proven gone may stay so for days: its evidence does not wait for that. */
async function archiveMeanwhile(run: Run, live: LiveRun, deps: Deps): Promise<void> {
  const has = (name: string) => existsSync(join(live.folder, name));
  if (has(SEAL_FILES.envelope) && !has(ARCHIVE_FILE)) await archiveBundle(run, live, deps);
}

/** Loud, and with what to look at. */
function quarantineNotice({ runId }: Run, present: readonly Looked[]): string {
  const [first] = present;
  const others = present.length === 1 ? '' : ` and ${present.length - 1} more`;
  const what = first === undefined ? '' : `${first.target.kind} ${first.target.id} (${first.problem ?? ''})${others}`;
  return `run ${runId} is QUARANTINED, not proven gone: ${what}; it is tried again, and \`burnbag reap\` tries at once`;
}

/** A certificate of a burned machine opens nothing any more, and the list says so. */
async function revoke(run: Run, deps: Deps): Promise<void> {
  for (const { serial } of await deps.journal.listCertificates(run.runId))
    await deps.ca.revoke(serial, `run ${run.runId} is being burned`);
}

/**
 * The driver tries every step; what it could not do shows in the looks that follow, so its error is noted and not the end. What it says
 * comes after the seal, and goes into a log of its own that the receipt covers.
 */
async function destroy(run: Run, live: LiveRun, deps: Deps): Promise<readonly Deletion[]> {
  const notice = (text: string): void => {
    deps.observe({ type: 'notice', runId: run.runId, text });
  };
  const log = openBurnLog(live.folder);
  live.onLateCall = (call) => {
    log.append({ providerCall: call });
  };
  try {
    // Without the manifest the driver goes by label.
    const manifest = await deps.journal.listIds(run.runId).catch(() => []);
    return await deps.driver.destroy(run.runId, manifest, (event) => {
      log.append(event);
    });
  } catch (error) {
    live.fail(error);
    notice(`destruction was not smooth: ${explain(error).got}`);
    return [];
  } finally {
    live.onLateCall = () => undefined;
    const lost = log.close();
    if (lost > 0) notice(`${lost} events of the destruction could not be kept`);
  }
}

/** The manifest of ids, and whatever a look at the control plane finds beside it. */
async function everyId(run: Run, deps: Deps): Promise<readonly ConcreteId[]> {
  const recorded = await untilJournalled(() => deps.journal.listIds(run.runId));
  const known = recorded.map(({ kind, id, detail }) => ({ kind, id, detail }));
  const found = await deps.driver.inventory(run.runId);
  return [...known, ...found.filter((one) => !known.some((other) => isSame(one, other)))];
}

async function prove(run: Run, live: LiveRun, proofs: readonly BurnProof[], deps: Deps): Promise<void> {
  const certificates = await deps.journal.listCertificates(run.runId);
  await signReceipt({
    dir: live.folder,
    run: {
      run_id: run.runId,
      task_id: run.taskId,
      machine_id: live.sandbox?.machineId ?? null,
      image_digest: live.sandbox?.imageDigest ?? null,
      certificate_serials: certificates.map(({ serial }) => serial),
      outcome: run.outcome ?? null,
    },
    ids: proofs,
    noTimestamp: noTimestamp(live, deps),
    signer: deps.vault.receiptSigner,
  });
  await Promise.all(proofs.map(({ target, observations }) => markGone(run, target, observations.at(-1), deps)));
  if (live.burn !== undefined)
    live.burn = { ...live.burn, receipt: 'receipt.json', receiptArchived: await archive(run, live, deps) };
}

/** Why the seal may have no timestamp: as the one who asked was told, else that it was asked by a process that is no more, or not at all. */
function noTimestamp({ stamp, folder }: LiveRun, { configuration }: Deps): string | undefined {
  if (stamp != null) return 'why' in stamp ? stamp.why : undefined;
  const isAsked = configuration.timestamp !== undefined && existsSync(join(folder, SEAL_FILES.envelope));
  return isAsked && stamp === undefined ? 'the process that sealed the evidence died before one came' : undefined;
}

/** What only the inventory found is in the receipt; the manifest of ids never had it. */
async function markGone(run: Run, target: ConcreteId, last: Observation | undefined, deps: Deps): Promise<void> {
  if (last === undefined) return;
  try {
    await untilJournalled(() => deps.journal.markGone(run.runId, target, { at: last.at, means: last.means }));
  } catch (error) {
    if (explain(error).code !== 'id_not_found') throw error;
  }
}

async function archive(run: Run, live: LiveRun, deps: Deps): Promise<boolean> {
  try {
    const { archive: store } = await deps.vault.open();
    const request = { dir: live.folder, runId: run.runId, archive: store };
    await bounded(live, 'the archive to take the receipt', () => archiveReceipt(request));
    if (existsSync(join(live.folder, ARCHIVE_FILE))) await unspoolRun(deps.home, run.runId);
    return true;
  } catch (error) {
    live.fail(error);
    deps.observe({
      type: 'notice',
      runId: run.runId,
      text: `receipt signed here, not archived: ${explain(error).got}`,
    });
    return false;
  }
}
