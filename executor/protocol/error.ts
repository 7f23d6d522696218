import * as z from 'zod';

/** Why a request, or the whole session, was turned away before anything ran. */
export const RefusalCode = z.enum([
  'LOGIN_CERTIFICATE_MISSING',
  'LOGIN_CERTIFICATE_INVALID',
  'LOGIN_CERTIFICATE_UNTRUSTED',
  'LOGIN_CERTIFICATE_NOT_YET_VALID',
  'LOGIN_CERTIFICATE_EXPIRED',
  'LOGIN_CERTIFICATE_USED',
  'LOGIN_WRONG_MACHINE',
  'LOGIN_GRANT_INVALID',
  'GUEST_FACTS_MISSING',
  'AUDIT_UNAVAILABLE',
  'LINE_TOO_LONG',
  'LINE_MALFORMED',
  'REQUEST_INVALID',
  'UNKNOWN_ACTION',
  'ID_NOT_INCREASING',
  'WRONG_TASK',
  'GRANT_EXPIRED',
  'ACTION_NOT_GRANTED',
  'ARGUMENT_NOT_GRANTED',
  'PATH_NOT_GRANTED',
  'NOT_IN_CATALOGUE',
]);
export type RefusalCode = z.infer<typeof RefusalCode>;

/** Why a granted action did not come to its end. */
export const FailureCode = z.enum([
  'AUDIT_UNAVAILABLE',
  'NOT_FOUND',
  'PERMISSION_DENIED',
  'ALREADY_EXISTS',
  'IS_A_LINK',
  'NOT_A_FILE',
  'NOT_A_FOLDER',
  'HAS_OTHER_NAMES',
  'PATH_CHANGED',
  'TOO_LARGE',
  'DIGEST_MISMATCH',
  'NOT_EXECUTABLE',
  'SPAWNER_UNAVAILABLE',
  'SPAWNER_BUSY',
  'SERVICE_FAILED',
  'MIGRATION_FAILED',
  'NO_SPACE',
  'INPUT_OUTPUT',
  'INTERRUPTED',
  'GRANT_EXPIRED',
  'INTERNAL',
]);
export type FailureCode = z.infer<typeof FailureCode>;

const explained = <Code extends z.ZodType>(code: Code) =>
  z.strictObject({ code, expected: z.string(), got: z.string(), hint: z.string() });

/** What was expected, what came instead, and what to do about it. */
export const Refusal = explained(RefusalCode);
export type Refusal = z.infer<typeof Refusal>;
export const Failure = explained(FailureCode);
export type Failure = z.infer<typeof Failure>;
