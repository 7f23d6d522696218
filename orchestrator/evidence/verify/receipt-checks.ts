import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../executor/protocol/canonical.ts';
import type { Manifest } from '../format/manifest.ts';
import { ARCHIVE_FILE, BURN_FILE, RECEIPT_FILES, TIMESTAMP_FILE } from '../format/names.ts';
import {
  absenceProblem,
  missingId,
  receiptStatement,
  type ReceiptPredicate,
  ReceiptStatement,
} from '../format/receipt.ts';
import { readCanonical } from '../read-canonical.ts';
import { CheckFailed, type Shown } from './check-list.ts';
import { type ControlFiles, fileOf } from './control-files.ts';

/** The receipt is what is signed, follows its schema, and is about exactly what its predicate says. */
export function checkReceiptStatement(files: ControlFiles, payload: Buffer): Shown<ReceiptPredicate> {
  const { statement } = RECEIPT_FILES;
  const read = readCanonical(fileOf(files, statement), ReceiptStatement);
  if ('problem' in read) throw new CheckFailed(`${statement} to be a receipt in canonical JSON`, read.problem);
  const expected = Buffer.from(canonicalJson(receiptStatement(read.value.predicate)));
  if (!fileOf(files, statement).equals(expected))
    throw new CheckFailed(`${statement} to name its own ids, evidence and archive record`, 'others');
  if (!payload.equals(expected)) throw new CheckFailed(`${statement} to be what is signed`, 'something else');
  return [read.value.predicate, `signed ${read.value.predicate.signed_at}`];
}

/** Another run's receipt, or one of other evidence or of another destruction, is no receipt of this. */
export function checkBinding(
  files: ControlFiles,
  receipt: ReceiptPredicate,
  { run }: Manifest,
  evidenceRoot: string,
): Shown<undefined> {
  const expected = {
    run_id: run.run_id,
    task_id: run.task_id,
    machine_id: run.machine_id,
    image_digest: run.image_digest,
    certificate_serials: run.certificate_serials,
    outcome: run.outcome,
    evidence_root: evidenceRoot,
    archive_sha256: digestOf(files.get(ARCHIVE_FILE)),
    burn_log_sha256: digestOf(files.get(BURN_FILE)),
  };
  for (const [field, value] of Object.entries(expected)) {
    const got = canonicalJson(receipt[field as keyof typeof expected]);
    if (got !== canonicalJson(value)) throw new CheckFailed(`a receipt with ${field} ${canonicalJson(value)}`, got);
  }
  const stamp = receipt.timestamp?.sha256 ?? null;
  const token = digestOf(files.get(TIMESTAMP_FILE));
  if (stamp !== token) throw new CheckFailed(`a receipt with timestamp ${token ?? 'none'}`, stamp ?? 'none');
  if (receipt.seal === 'missing' && (stamp !== null || receipt.archive_sha256 !== null))
    throw new CheckFailed('a seal that was missing to be neither archived nor timestamped by then', 'one that was');
  return [undefined, `run ${receipt.run_id}${receipt.seal === 'missing' ? SEALED_LATE : ''}`];
}

/** Nothing could be slipped in: the manifest's digest is in this receipt. That the evidence key signed it only later is said. */
const SEALED_LATE = ': SEALED LATE, listed when it was burned, signed afterwards';

function digestOf(content: Buffer | undefined): string | null {
  return content === undefined ? null : createHash('sha256').update(content).digest('hex');
}

/** Every id once, each found gone as often and as far apart as a receipt needs, before it was signed and after the evidence was sealed. */
export function checkAbsence(receipt: ReceiptPredicate, { run }: Manifest): Shown<undefined> {
  const seen = new Set<string>();
  for (const burned of receipt.ids) {
    const what = `${burned.kind} ${JSON.stringify(burned.id)}`;
    const problem = absenceProblem(burned);
    if (problem !== undefined) throw new CheckFailed(`${what} to be proven gone`, problem);
    if (seen.has(what)) throw new CheckFailed('every id once', `${what} twice`);
    seen.add(what);
    if (burned.absence.some(({ at }) => at > receipt.signed_at))
      throw new CheckFailed(`${what} to have been looked for before ${receipt.signed_at}`, 'later');
  }
  if (run.machine_id !== null && receipt.ids.length === 0)
    throw new CheckFailed('the ids of a run that had a machine', 'none');
  return [undefined, `${receipt.ids.length} of ${receipt.ids.length} ids proven gone`];
}

/** The manifest lists the ids under the evidence key: whoever holds the receipt key cannot leave one out. */
export function checkReceiptIds(receipt: ReceiptPredicate, { ids }: Manifest): Shown<undefined> {
  const missing = missingId(receipt.ids, ids);
  if (missing === undefined) return [undefined, `all ${ids.length} ids of the manifest`];
  throw new CheckFailed(`${missing.kind} ${JSON.stringify(missing.id)} among the ids proven gone`, 'none of that name');
}
