import { join } from 'node:path';
import { archiveFiles, type ArchiveRequest } from './archive-run.ts';
import { digestIfThere, readIfThere, writeWhole } from './durable.ts';
import { EvidenceError } from './errors.ts';
import { BURN_FILE, LATE_FILE, RECEIPT_FILES, SEAL_FILES, TIMESTAMP_FILE } from './format/names.ts';
import { type LateArchive, LateArchiveStatement, lateArchiveStatement } from './format/late-archive.ts';
import { Envelope, isSignedBy, payloadOf } from './keys/dsse.ts';
import { signStatement } from './keys/sign-statement.ts';
import type { Signer } from './keys/signer.ts';
import { describeFiles, putFiles } from './put-files.ts';
import { readCanonical } from './read-canonical.ts';
import { requireSeal } from './read-seal.ts';

/** A bundle whose receipt says that it was not archived by then. */
export interface LateArchiveRequest extends Omit<ArchiveRequest, 'publicKey'> {
  /** Of the evidence: no receipt can cover what comes after it. */
  readonly signer: Signer;
}

/**
 * Puts a bundle under lock after its run was burned: the store was down until then. All of it goes, receipt included; where it lies is signed with the
 * evidence key, into late-archive.dsse.json, which takes its name when it is whole, and goes up last. Safe to call again. Throws ArchiveError.
 */
export async function archiveLate(request: LateArchiveRequest): Promise<LateArchive> {
  const { dir, signer, archive, now = new Date() } = request;
  const seal = await requireSeal(dir, signer.publicKey);
  const receiptSha256 = await requireReceipt(dir);
  const existing = await readLate(dir, signer, { evidenceRoot: seal.evidenceRoot, receiptSha256 });
  const late = existing ?? {
    version: 1,
    receipt_sha256: receiptSha256,
    record: await archiveFiles(request, seal, [
      ...Object.values(SEAL_FILES),
      TIMESTAMP_FILE,
      BURN_FILE,
      ...Object.values(RECEIPT_FILES),
    ]),
  };
  if (existing === undefined)
    await writeWhole(dir, LATE_FILE, (await signStatement(lateArchiveStatement(late), signer)).envelope);
  const runId = seal.manifest.run.run_id;
  await putFiles({ dir, runId, archive }, await describeFiles(dir, [LATE_FILE]), archive.lockFor(now));
  return late;
}

/** Undefined where there is none that this key signed over this evidence and this receipt: another run's says nothing of this one. */
async function readLate(
  dir: string,
  { publicKey }: Signer,
  { evidenceRoot, receiptSha256 }: { evidenceRoot: string; receiptSha256: string },
): Promise<LateArchive | undefined> {
  const bytes = await readIfThere(join(dir, LATE_FILE));
  const read = bytes === undefined ? undefined : readCanonical(bytes, Envelope);
  if (read === undefined || 'problem' in read || !isSignedBy(read.value, publicKey.key)) return undefined;
  const statement = readCanonical(payloadOf(read.value) ?? Buffer.alloc(0), LateArchiveStatement);
  if ('problem' in statement) return undefined;
  const late = statement.value.predicate;
  const isOfThis = late.record.evidence_root === evidenceRoot && late.receipt_sha256 === receiptSha256;
  return isOfThis ? late : undefined;
}

async function requireReceipt(dir: string): Promise<string> {
  const digest = await digestIfThere(join(dir, RECEIPT_FILES.statement));
  if (digest !== null) return digest;
  throw new EvidenceError('not_sealed', {
    expected: `a receipt in ${dir}`,
    got: 'none',
    hint: 'a run that is not burned yet is archived as any other',
  });
}
