import { ArchiveError, type ArchiveErrorCode } from './errors.ts';

/** Turns whatever the AWS SDK throws into an ArchiveError. `what` says what was being done, as in "to put KEY". */
export function translate(error: unknown, what: string, endpoint: string): ArchiveError {
  if (error instanceof ArchiveError) return error;
  const { name, status, text, isOnTheWay } = readForeign(error);
  const code = isOnTheWay ? 'unreachable' : codeOf(name, status);
  const got = status === undefined ? text : `${status} ${name}: ${text}`;
  return new ArchiveError(
    code,
    { expected: `the archive at ${endpoint} ${what}`, got, hint: HINTS[code] ?? 'see the store’s own log' },
    { cause: error },
  );
}

const HINTS: Partial<Record<ArchiveErrorCode, string>> = {
  unreachable:
    'check that the store runs and can be reached, then try again: nothing is lost, and nothing is put twice',
  no_bucket: 'make the bucket with Object Lock on, or name another one in config.json (archive.bucket)',
  no_object_lock: 'use a bucket that was made with Object Lock on: evidence that can be deleted is none',
  denied:
    'check the credentials and what they may do: PutObject, PutObjectRetention, GetObject, GetObjectRetention, GetBucketObjectLockConfiguration',
  checksum_mismatch: 'the file changed while it was read, or the way to the store alters bytes; try again',
};

/** By the store's own name for the error first, by HTTP status second: stores differ in names. */
const BY_NAME: Readonly<Record<string, ArchiveErrorCode>> = {
  NoSuchBucket: 'no_bucket',
  NoSuchKey: 'not_found',
  NoSuchVersion: 'not_found',
  NotFound: 'not_found',
  ObjectLockConfigurationNotFoundError: 'no_object_lock',
  PreconditionFailed: 'exists',
  CredentialsProviderError: 'denied',
  RequestTimeTooSkewed: 'denied',
  BadDigest: 'checksum_mismatch',
  InvalidDigest: 'checksum_mismatch',
  XAmzContentSHA256Mismatch: 'checksum_mismatch',
  XAmzContentChecksumMismatch: 'checksum_mismatch',
  ConditionalRequestConflict: 'unreachable',
  RequestTimeout: 'unreachable',
  SlowDown: 'unreachable',
};

function codeOf(name: string, status = 400): ArchiveErrorCode {
  const named = BY_NAME[name];
  if (named !== undefined) return named;
  if (status >= 500 || status === 429 || status === 408) return 'unreachable';
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'not_found';
  return status === 412 ? 'exists' : 'refused';
}

/** System errors of a request that did not get through, or whose answer did not. Anything else without a status is a defect, not weather. */
const ON_THE_WAY: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

function readForeign(error: unknown) {
  if (!(error instanceof Error)) return { name: 'unknown', status: undefined, text: String(error), isOnTheWay: false };
  const { $metadata, code } = error as { $metadata?: { httpStatusCode?: number }; code?: unknown };
  const isTimeout = error.name === 'TimeoutError' || error.name === 'AbortError';
  const text = isTimeout ? 'no answer in time' : error.message || (typeof code === 'string' ? code : error.name);
  return { name: error.name, status: $metadata?.httpStatusCode, text, isOnTheWay: isTimeout || ON_THE_WAY.has(code) };
}
