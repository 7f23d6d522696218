/**
 * What every error of ours carries, whatever module it comes from: a stable code, what was expected, what came, what to do.
 * Each module has its own class with a closed union of codes; the doors only ever look at this shape.
 */
export interface Explained {
  readonly code: string;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;
}

/** What each of those classes extends: the message says what was expected, what came and what to do. */
export abstract class ExplainedError<Code extends string> extends Error implements Explained {
  readonly code: Code;
  readonly expected: string;
  readonly got: string;
  /** What to do, an exact command where there is one. */
  readonly hint: string;

  constructor(code: Code, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
  }
}

/** Bad input or a state of affairs that stops a command before any module was asked. */
export class RequestError extends ExplainedError<RequestErrorCode> {
  override readonly name = 'RequestError';
}

export type RequestErrorCode =
  | 'bad_argument'
  | 'bad_configuration'
  | 'no_such_script'
  | 'script_too_large'
  | 'script_without_interpreter'
  | 'bad_actions'
  | 'refused_by_policy'
  | 'not_running'
  | 'cancelled'
  | 'too_slow'
  | 'no_evidence'
  | 'no_such_stack'
  | 'stack_unreadable';

/** Reads the shape out of anything thrown; a foreign error becomes `internal` and keeps its text. */
export function explain(error: unknown): Explained {
  if (isExplained(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    expected: 'no error here',
    got: text,
    hint: 'this is a defect: please report it with the run id',
  };
}

function isExplained(error: unknown): error is Explained {
  if (typeof error !== 'object' || error === null) return false;
  const fields: Record<string, unknown> = { ...error };
  return ['code', 'expected', 'got', 'hint'].every((field) => typeof fields[field] === 'string');
}
