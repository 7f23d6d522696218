import { ExplainedError } from '../errors.ts';

/** Why the CA did not sign, or why a certificate does not hold. One code per rule; `message` ends with what to do. */
export class CaError extends ExplainedError<CaErrorCode> {
  override readonly name = 'CaError';
}

/** Every way it can fail. The first group is about the signer, the second about one rule each, the last about the finished bytes. */
export type CaErrorCode =
  | 'signer_failed'
  | 'signer_timeout'
  | 'public_key_invalid'
  | 'machine_id_invalid'
  | 'certificate_type'
  | 'serial'
  | 'nonce'
  | 'key_id'
  | 'principal'
  | 'validity'
  | 'critical_options'
  | 'force_command'
  | 'source_address'
  | 'extensions'
  | 'grant'
  | 'subject_key'
  | 'ca_key'
  | 'certificate_malformed'
  | 'signature'
  | 'already_used'
  | 'serial_list';
