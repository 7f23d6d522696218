import { ExplainedError } from '../errors.ts';

/** Why evidence could not be sealed or a receipt not be signed. `message` ends with what to do. */
export class EvidenceError extends ExplainedError<EvidenceErrorCode> {
  override readonly name = 'EvidenceError';
}

/** The first is about keys, the second group about the bundle and what goes into it, the last about the receipt. */
export type EvidenceErrorCode =
  | 'signer_failed'
  | 'bad_facts'
  | 'bad_name'
  | 'not_a_plain_file'
  | 'too_many_files'
  | 'bundle_unwritable'
  | 'audit_unavailable'
  | 'other_run'
  | 'not_sealed'
  | 'spool_full'
  | 'deletion_missing'
  | 'absence_not_proven';
