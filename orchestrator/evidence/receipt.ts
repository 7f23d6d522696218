import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConcreteId, Deletion, Observation } from '../../infra/driver.ts';
import { digestIfThere, syncFolder, writeDurably } from './durable.ts';
import { EvidenceError } from './errors.ts';
import { Manifest, type RunFacts } from './format/manifest.ts';
import { ARCHIVE_FILE, BURN_FILE, RECEIPT_FILES, SEAL_FILES, TIMESTAMP_FILE } from './format/names.ts';
import {
  absenceProblem,
  type BurnedId,
  LOOKS_MIN,
  missingId,
  receiptStatement,
  ReceiptPredicate,
} from './format/receipt.ts';
import { readShape } from './format/shape.ts';
import { signStatement } from './keys/sign-statement.ts';
import type { Signer } from './keys/signer.ts';
import { readCanonical } from './read-canonical.ts';
import { readReceipt, type Receipt } from './read-receipt.ts';
import { readManifest } from './read-seal.ts';

/** One id of the run's manifest of ids, how it was deleted, and the looks that did not find it. */
export interface BurnProof {
  readonly target: ConcreteId;
  readonly deletion: Deletion;
  readonly observations: readonly Observation[];
}

/** What a receipt is signed over, besides the bundle's own files in `dir`. */
export interface ReceiptRequest {
  /** runs/<run_id>/, where the bundle lies and the receipt goes. */
  readonly dir: string;
  readonly run: Pick<
    ReceiptPredicate,
    'run_id' | 'task_id' | 'machine_id' | 'image_digest' | 'certificate_serials' | 'outcome'
  >;
  /** Every id of the manifest of ids, without exception. */
  readonly ids: readonly BurnProof[];
  /** Why the seal has no timestamp, though one was asked for. */
  readonly noTimestamp?: string | undefined;
  /** The receipt's own key, which nothing else in a run needs. */
  readonly signer: Signer;
  readonly now?: Date;
}

/**
 * Signs that every concrete id of a run is gone, and binds it to the evidence in `dir`. Refuses (`absence_not_proven`) unless each id
 * was looked for twice, apart and after its deletion, and not found: then the run is quarantined, not burned. Safe to call again: a
 * receipt that is there and covers what lies in `dir` now is returned as it is.
 */
export async function signReceipt(request: ReceiptRequest): Promise<Receipt> {
  const { dir, signer } = request;
  const covered = await describeEvidence(dir, request.noTimestamp);
  const sealed = await readSealedManifest(dir, covered);
  const run = reconcile(request.run, sealed?.run);
  const existing = await readReceipt(dir, signer.publicKey);
  if (existing?.predicate.run_id === request.run.run_id && covers(existing.predicate, covered)) return existing;
  const predicate = requireIds(describe({ ...request, run }, covered), sealed);
  const signed = await signStatement(receiptStatement(predicate), signer);
  await writeDurably(join(dir, RECEIPT_FILES.statement), signed.statement);
  await writeDurably(join(dir, RECEIPT_FILES.key), signer.publicKey.pem);
  await writeDurably(join(dir, RECEIPT_FILES.envelope), signed.envelope);
  await syncFolder(dir);
  return { predicate, keyId: signer.publicKey.keyId };
}

type Covered = Pick<ReceiptPredicate, 'evidence_root' | 'archive_sha256' | 'burn_log_sha256' | 'timestamp' | 'seal'>;

/** A run may have to be burned before, or without, its evidence being sealed or archived: the receipt says so with null. */
async function describeEvidence(dir: string, noTimestamp: string | undefined): Promise<Covered> {
  const [root, archive, burnLog, stamp = null] = await Promise.all(
    [SEAL_FILES.manifest, ARCHIVE_FILE, BURN_FILE, TIMESTAMP_FILE].map((name) => digestIfThere(join(dir, name))),
  );
  const isSealed = (await digestIfThere(join(dir, SEAL_FILES.envelope))) !== null;
  const isListed = !isSealed && (await readManifest(dir)) !== undefined;
  return {
    evidence_root: isSealed || isListed ? (root ?? null) : null,
    archive_sha256: archive ?? null,
    burn_log_sha256: burnLog ?? null,
    ...(isListed && { seal: 'missing' }),
    ...(stamp !== null && { timestamp: { sha256: stamp, why: null } }),
    ...(stamp === null && noTimestamp !== undefined && { timestamp: { sha256: null, why: noTimestamp } }),
  };
}

/** What the evidence is; undefined where nothing was listed. */
async function readSealedManifest(dir: string, { evidence_root }: Covered): Promise<Manifest | undefined> {
  if (evidence_root === null) return undefined;
  const manifest = readCanonical(await readFile(join(dir, SEAL_FILES.manifest)), Manifest);
  return 'value' in manifest ? manifest.value : undefined;
}

/** Whoever verifies compares them: an id that is in the manifest and not in the receipt is not proven gone. */
function requireIds(predicate: ReceiptPredicate, sealed: Manifest | undefined): ReceiptPredicate {
  const missing = missingId(predicate.ids, sealed?.ids ?? []);
  if (missing === undefined) return predicate;
  throw new EvidenceError('absence_not_proven', {
    expected: `the proof that ${missing.kind} ${missing.id} is gone`,
    got: 'none, and it was known when the evidence was sealed',
    hint: 'the run is quarantined until every id is proven gone',
  });
}

/** A receipt says of the run what the evidence says: whoever burns after a crash may know less, and must not contradict it. */
function reconcile(run: ReceiptRequest['run'], sealed: RunFacts | undefined): ReceiptRequest['run'] {
  if (sealed === undefined) return run;
  const isSame = sealed.run_id === run.run_id && (run.machine_id ?? sealed.machine_id) === sealed.machine_id;
  if (!isSame) {
    throw new EvidenceError('other_run', {
      expected: `the evidence of run ${run.run_id}, machine ${run.machine_id ?? 'unknown'}`,
      got: `that of run ${sealed.run_id}, machine ${sealed.machine_id ?? 'unknown'}`,
      hint: 'the folder belongs to another run; nothing was signed',
    });
  }
  const { run_id, task_id, machine_id, image_digest, certificate_serials, outcome } = sealed;
  return { run_id, task_id, machine_id, image_digest, certificate_serials, outcome };
}

function covers(predicate: ReceiptPredicate, covered: Covered): boolean {
  return (
    predicate.evidence_root === covered.evidence_root &&
    predicate.archive_sha256 === covered.archive_sha256 &&
    predicate.burn_log_sha256 === covered.burn_log_sha256 &&
    predicate.seal === covered.seal &&
    (predicate.timestamp?.sha256 ?? null) === (covered.timestamp?.sha256 ?? null)
  );
}

function describe({ run, ids, now = new Date() }: ReceiptRequest, covered: Covered): ReceiptPredicate {
  const read = readShape(ReceiptPredicate, {
    version: 1,
    ...run,
    ...covered,
    ids: ids.map(burn),
    signed_at: now.toISOString(),
  });
  if ('value' in read) return read.value;
  throw new EvidenceError('bad_facts', {
    expected: 'the facts of a burn as docs/evidence-format.md has them',
    got: read.problem,
    hint: 'this is a defect of whoever burns',
  });
}

function burn({ target, deletion, observations }: BurnProof): BurnedId {
  const what = `${target.kind} ${target.id}`;
  if (deletion.target.kind !== target.kind || deletion.target.id !== target.id) {
    const said = { expected: `the deletion of ${what}`, got: `that of ${deletion.target.kind} ${deletion.target.id}` };
    throw new EvidenceError('deletion_missing', {
      ...said,
      hint: 'delete it, or look whether it is already gone, and sign again',
    });
  }
  const absence = observations.map(({ state, means, at }) => {
    if (state !== 'gone') throw notProven(what, `it was ${state} at ${at}`);
    return { state, means, at };
  });
  const { kind, id, detail } = target;
  const burned: BurnedId = {
    kind,
    id,
    detail: { ...detail },
    deleted: { how: deletion.how, at: deletion.at },
    absence,
  };
  const problem = absenceProblem(burned);
  if (problem !== undefined) throw notProven(what, problem);
  return burned;
}

function notProven(what: string, got: string): EvidenceError {
  return new EvidenceError('absence_not_proven', {
    expected: `${what} to be found gone ${LOOKS_MIN} times, apart and after its deletion`,
    got,
    hint: 'delete it again and look again; until then the run stays quarantined',
  });
}
