import { ExplainedError } from '../../errors.ts';

/** Why there is no timestamp. `message` ends with what to do. */
export class TimestampError extends ExplainedError<TimestampErrorCode> {
  override readonly name = 'TimestampError';
}

/** It did not answer; it refused; it answered with something else than a timestamp over what was asked. The last: nothing to stamp, or no certificates to trust. */
export type TimestampErrorCode = 'tsa_unreachable' | 'tsa_refused' | 'timestamp_invalid' | 'tsa_ca_unusable';
