/** Why evidence could not be sealed or a receipt not be signed. `message` ends with what to do. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  readonly code: EvidenceErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;

  constructor(code: EvidenceErrorCode, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
  }
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
