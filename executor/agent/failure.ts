import type { Failure, FailureCode } from '../protocol/error.ts';

/** A granted action that cannot come to its end. The session turns it into a `failed` answer. */
export class ActionFailure extends Error {
  override readonly name = 'ActionFailure';
  readonly code: FailureCode;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;

  constructor(code: FailureCode, said: Omit<Failure, 'code'>, options?: ErrorOptions) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
  }
}

/** Translates whatever an action threw. System errors go by errno; anything else is a defect of ours. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ActionFailure) {
    return { code: error.code, expected: error.expected, got: error.got, hint: error.hint };
  }
  const errno = errnoOf(error);
  const row = errno === undefined ? undefined : ERRNO[errno];
  if (row !== undefined) return { code: row.code, expected: row.expected, got: errno ?? '', hint: row.hint };
  if (errno !== undefined) {
    return { code: 'INPUT_OUTPUT', expected: 'the system call to succeed', got: errno, hint: 'see errno(3)' };
  }
  const name = error instanceof Error ? error.name : typeof error;
  return {
    code: 'INTERNAL',
    expected: 'the action to end',
    got: name,
    hint: 'a defect of the executor; see its stderr',
  };
}

/** The errno name of a system error, `ENOENT` for instance; undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('errno' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const ERRNO: Readonly<Record<string, Failure | undefined>> = {
  ENOENT: { code: 'NOT_FOUND', expected: 'an existing path', got: '', hint: 'list_files shows what is there' },
  EACCES: {
    code: 'PERMISSION_DENIED',
    expected: 'a path that agent-runner may use',
    got: '',
    hint: 'the script may have taken the permission away; list_files shows modes',
  },
  EPERM: {
    code: 'PERMISSION_DENIED',
    expected: 'a path that agent-runner may use',
    got: '',
    hint: 'list_files shows modes',
  },
  EEXIST: {
    code: 'ALREADY_EXISTS',
    expected: 'a new name',
    got: '',
    hint: 'files are never replaced; choose another name',
  },
  ELOOP: { code: 'IS_A_LINK', expected: 'a path without links', got: '', hint: 'name the target itself' },
  ENOTDIR: { code: 'NOT_A_FOLDER', expected: 'a folder', got: '', hint: 'list_files shows types' },
  ENOSPC: { code: 'NO_SPACE', expected: 'room on the sandbox', got: '', hint: 'ask for a larger scratch disk' },
  EDQUOT: { code: 'NO_SPACE', expected: 'room on the sandbox', got: '', hint: 'ask for a larger scratch disk' },
};
