import { ExplainedError } from '../errors.ts';

/** Why there is no place for a run. */
export class QueueError extends ExplainedError<QueueErrorCode> {
  override readonly name = 'QueueError';
}

/** `queue_full`: too many wait already. `too_large`: it would not fit if it were alone. */
export type QueueErrorCode = 'queue_full' | 'too_large';
