import { ArchiveRecord } from './archive-record.ts';
import { RECEIPT_FILES, SEAL_FILES } from './names.ts';
import { list, object, oneOf, type Read } from './shape.ts';
import { LATE_ARCHIVE_PREDICATE, STATEMENT_TYPE, Subject, subject } from './statement.ts';
import { Sha256 } from './values.ts';

/** What is said of a bundle that came into the archive after its receipt was signed: where all of it lies, receipt included. */
export const LateArchive = object({
  version: oneOf([1]),
  /** SHA-256 of receipt.json. */
  receipt_sha256: Sha256,
  record: ArchiveRecord,
});
export type LateArchive = Read<typeof LateArchive>;

export const LateArchiveStatement = object({
  _type: oneOf([STATEMENT_TYPE]),
  subject: list(Subject, { min: 2, max: 2 }),
  predicateType: oneOf([LATE_ARCHIVE_PREDICATE]),
  predicate: LateArchive,
});
export type LateArchiveStatement = Read<typeof LateArchiveStatement>;

/** What is signed about it, with the evidence key: wholly determined by its predicate. */
export function lateArchiveStatement(predicate: LateArchive): LateArchiveStatement {
  return {
    _type: STATEMENT_TYPE,
    subject: [
      subject(SEAL_FILES.manifest, predicate.record.evidence_root),
      subject(RECEIPT_FILES.statement, predicate.receipt_sha256),
    ],
    predicateType: LATE_ARCHIVE_PREDICATE,
    predicate,
  };
}
