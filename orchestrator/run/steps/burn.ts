import { setTimeout as sleep } from 'node:timers/promises';
import type { ConcreteId, Deletion, Observation } from '../../../infra/driver.ts';
import {
  archiveReceipt,
  type BurnProof,
  LOOKS_APART_MS,
  LOOKS_MIN,
  openBurnLog,
  signReceipt,
} from '../../evidence/index.ts';
import { explain } from '../../errors.ts';
import type { LiveRun } from '../live.ts';
import type { Run } from '../run.ts';
import type { Deps, Step } from '../step.ts';

/** Milliseconds on top of what a receipt needs between two looks: timers may fire early. */
const LOOKS_MARGIN_MS = 10;

/** Deletes everything the run ever had, looks for each id twice, and signs the receipt only when every look found nothing. */
export const burnAndProve: Step<'destroying'> = async (run, live, deps) => {
  const since = performance.now();
  deps.observe({ type: 'phase_started', runId: run.runId, phase: 'burned' });
  await revoke(run, deps);
  const deletions = await destroy(run, live, deps);
  const targets = await everyId(run, deps);
  const proofs = await look(targets, deletions, deps);
  const present = proofs.filter(({ problem }) => problem !== undefined);
  live.burn = {
    ids: targets.length,
    notGone: present.map(({ target, problem }) => ({ kind: target.kind, id: target.id, why: problem ?? '' })),
    receipt: null,
    receiptArchived: false,
  };
  if (present.length === 0) await prove(run, live, proofs, deps);
  const { durationMs, ...ended } = live.end('burned', since);
  const gone = targets.length - present.length;
  const summary = `${gone} of ${targets.length} ids proven gone · ${live.burn.receipt === null ? 'NO RECEIPT: quarantined' : 'receipt signed'}`;
  deps.observe({ type: 'phase_ended', ok: live.burn.receipt !== null, durationMs, summary, ...ended });
  return present.length === 0 ? 'destroyed' : 'quarantined';
};

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
  try {
    return await deps.driver.destroy(run.runId, await deps.journal.listIds(run.runId), (event) => {
      log.append(event);
    });
  } catch (error) {
    live.fail(error);
    notice(`destruction was not smooth: ${explain(error).got}`);
    return [];
  } finally {
    const lost = log.close();
    if (lost > 0) notice(`${lost} events of the destruction could not be kept`);
  }
}

/** The manifest of ids, and whatever a look at the control plane finds beside it. */
async function everyId(run: Run, deps: Deps): Promise<readonly ConcreteId[]> {
  const known = (await deps.journal.listIds(run.runId)).map(({ kind, id, detail }) => ({ kind, id, detail }));
  const found = await deps.driver.inventory(run.runId);
  return [...known, ...found.filter((one) => !known.some((other) => isSame(one, other)))];
}

interface Looked extends BurnProof {
  readonly problem?: string;
}

/** Looks for every id, waits, and looks for every id again. */
async function look(
  targets: readonly ConcreteId[],
  deletions: readonly Deletion[],
  deps: Deps,
): Promise<readonly Looked[]> {
  const unseen: Deletion['at'] = new Date().toISOString();
  const rounds: (readonly (Observation | { readonly problem: string })[])[] = [];
  for (let round = 0; round < LOOKS_MIN; round += 1) {
    if (round > 0) await sleep(LOOKS_APART_MS + LOOKS_MARGIN_MS);
    rounds.push(await Promise.all(targets.map((target) => lookOnce(target, deps))));
  }
  return targets.map((target, index) => {
    const looks = rounds.flatMap((round) => round[index] ?? []);
    const observations = looks.filter((one) => 'state' in one);
    const problem =
      looks.find((one) => 'problem' in one)?.problem ?? observations.find(({ state }) => state === 'present')?.means;
    const deletion = deletions.find((one) => isSame(one.target, target)) ?? {
      target,
      how: 'not found when it was to be deleted',
      at: unseen,
    };
    return { target, deletion, observations, ...(problem !== undefined && { problem }) };
  });
}

/** Only "not found" counts as gone: a look that failed proves nothing. */
async function lookOnce(target: ConcreteId, deps: Deps): Promise<Observation | { readonly problem: string }> {
  try {
    return await deps.driver.observe(target);
  } catch (error) {
    return { problem: explain(error).got };
  }
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
    signer: deps.vault.receiptSigner,
  });
  for (const { target, observations } of proofs) {
    const last = observations.at(-1);
    if (last !== undefined) await deps.journal.markGone(run.runId, target, { at: last.at, means: last.means });
  }
  if (live.burn !== undefined)
    live.burn = { ...live.burn, receipt: 'receipt.json', receiptArchived: await archive(run, live, deps) };
}

async function archive(run: Run, live: LiveRun, deps: Deps): Promise<boolean> {
  try {
    const { archive: store } = await deps.vault.open();
    await archiveReceipt({ dir: live.folder, runId: run.runId, archive: store });
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

function isSame(a: ConcreteId, b: ConcreteId): boolean {
  return a.kind === b.kind && a.id === b.id;
}
