import { ExplainedError } from '../../errors.ts';

/**
 * What can go wrong with the archive, and whether the same attempt may succeed later by itself. Every put is idempotent, so
 * an attempt whose answer was lost may always be made again.
 */
export const ARCHIVE_ERRORS = {
  unreachable: { retryable: true, why: 'no answer, or one that says to come again' },
  no_bucket: { retryable: false, why: 'somebody must make the bucket, or the name is wrong' },
  no_object_lock: { retryable: false, why: 'Object Lock is chosen when a bucket is made' },
  denied: { retryable: false, why: 'the credentials do not suffice' },
  not_found: { retryable: false, why: 'no such object or version' },
  checksum_mismatch: { retryable: false, why: 'the store read other bytes than were hashed' },
  lock_not_as_asked: { retryable: false, why: 'the store took the object and locked it otherwise' },
  exists: { retryable: false, why: 'an object of that name is there already' },
  conflict: { retryable: false, why: 'an object of that name is there, with other content' },
  refused: { retryable: false, why: 'the store says the request is wrong' },
  server_missing: { retryable: false, why: 'the local archive server is not installed' },
  server_busy: { retryable: true, why: 'another process serves the same archive folder' },
  server_failed: { retryable: false, why: 'the local archive server did not start' },
  storage_unfit: { retryable: false, why: 'the folder cannot hold an archive' },
} as const satisfies Record<string, { retryable: boolean; why: string }>;

export type ArchiveErrorCode = keyof typeof ARCHIVE_ERRORS;

/** The one error of the archive. */
export class ArchiveError extends ExplainedError<ArchiveErrorCode> {
  override readonly name = 'ArchiveError';
  readonly retryable: boolean;

  constructor(code: ArchiveErrorCode, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(code, said, options);
    this.retryable = ARCHIVE_ERRORS[code].retryable;
  }
}

/** Tells whether an error is the archive's and has one of these codes. */
export function isArchiveError(error: unknown, ...codes: readonly ArchiveErrorCode[]): error is ArchiveError {
  return error instanceof ArchiveError && (codes.length === 0 || codes.includes(error.code));
}
