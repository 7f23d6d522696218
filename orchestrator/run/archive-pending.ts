import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { explain } from '../errors.ts';
import {
  ARCHIVE_FILE,
  archiveLate,
  archiveReceipt,
  archiveRun,
  digestIfThere,
  noteFailure,
  LATE_FILE,
  readSpool,
  recordCustody,
  RECEIPT_FILES,
  sealLate,
  unspoolRun,
} from '../evidence/index.ts';
import { listBundles } from '../evidence/list-bundles.ts';
import { pauseAfter } from './reap/back-off.ts';
import type { Standing } from './reap/judge.ts';
import type { OwedEvidence } from './reap/report.ts';
import type { Deps } from './step.ts';

export interface ArchiveOrder {
  /** Also what is not due yet. */
  readonly impatient: boolean;
  readonly dryRun: boolean;
  /** These alone; otherwise whatever is owed. */
  readonly only?: readonly string[];
  readonly standingOf: (runId: string) => Promise<Standing>;
  /** Aborts between two runs. */
  readonly signal?: AbortSignal;
}

/**
 * Puts what is owed to the archive under lock: the bundles of runs that were sealed, or burned, while the store or the signer was down, or whose process died
 * over it. Done again after a kill it goes on where it stood: what lies in the archive already is found there by its content.
 */
export async function archivePending(order: ArchiveOrder, deps: Deps): Promise<readonly OwedEvidence[]> {
  const done: OwedEvidence[] = [];
  for (const { run_id, next_at, why } of await findOwed(order, deps)) {
    if (order.signal?.aborted === true) break;
    const left = { run_id, did: 'pending', why: why ?? 'not tried yet' } as const;
    const { is } = await order.standingOf(run_id);
    if (is === 'live' || is === 'unfinished') done.push({ ...left, why: 'its run has not ended' });
    else if (order.dryRun) done.push(left);
    else if (!order.impatient && next_at > new Date().toISOString())
      done.push({ ...left, why: `${left.why}; tried again at ${next_at}` });
    else done.push(await archiveOne(run_id, deps));
  }
  return done;
}

interface Owed {
  readonly run_id: string;
  readonly next_at: string;
  readonly why: string | null;
}

/** The spool, and bundles beside it that are not sealed or have no archive record: an entry that could not be written loses nothing. */
async function findOwed({ only }: ArchiveOrder, { home }: Deps): Promise<readonly Owed[]> {
  const spooled: readonly Owed[] = await readSpool(home);
  const known = new Set(spooled.map(({ run_id }) => run_id));
  const bundles = await listBundles(join(home, 'runs'));
  const unnoted = bundles.filter(
    ({ run_id, sealed_at, archived, unsealed }) =>
      (unsealed || (sealed_at !== null && !archived)) && !known.has(run_id),
  );
  const due = new Date(0).toISOString();
  const owed = [...spooled, ...unnoted.map(({ run_id }) => ({ run_id, next_at: due, why: null }))];
  if (only === undefined) return owed;
  return only.map((run_id) => owed.find((one) => one.run_id === run_id) ?? { run_id, next_at: due, why: null });
}

async function archiveOne(runId: string, deps: Deps): Promise<OwedEvidence> {
  try {
    const why = await putAll(runId, deps);
    await unspoolRun(deps.home, runId);
    return { run_id: runId, did: 'archived', why };
  } catch (error) {
    const { code, got } = explain(error);
    const why = `${code}: ${got}`;
    if (code !== 'not_sealed') await noteFailure(deps.home, runId, { why, pauseAfter }).catch(() => undefined);
    return { run_id: runId, did: 'pending', why };
  }
}

/** Seals what could not be sealed in time, puts whatever there is, then says so in the custody log: a kill in between does it once more. */
async function putAll(runId: string, { home, requester, vault }: Deps): Promise<string> {
  const dir = join(home, 'runs', runId);
  const signer = vault.evidenceSigner;
  const { evidenceRoot, isLate } = await sealLate({ dir, signer, receiptKey: vault.receiptSigner.publicKey });
  const { archive, facts } = await vault.open();
  const isBurned = existsSync(join(dir, RECEIPT_FILES.envelope));
  if (isBurned && !existsSync(join(dir, ARCHIVE_FILE))) await archiveLate({ dir, signer, archive, facts });
  else {
    await archiveRun({ dir, publicKey: signer.publicKey, archive, facts });
    await archiveReceipt({ dir, runId, archive });
  }
  const why = `at ${archive.endpoint}, bucket ${archive.bucket}, ${archive.mode}, lock ${facts.lock}`;
  const about = { who: requester, act: 'archived', run_id: runId, evidence_root: evidenceRoot } as const;
  const sha256 = (await digestIfThere(join(dir, LATE_FILE))) ?? (await digestIfThere(join(dir, ARCHIVE_FILE)));
  await recordCustody(home, {
    ...about,
    sha256,
    detail: `${isLate ? 'sealed and archived after its run' : 'after its run'}, ${why}`,
  });
  return why;
}
