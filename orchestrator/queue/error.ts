/** Why there is no place for a run. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly code: QueueErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;

  constructor(code: QueueErrorCode, said: { expected: string; got: string; hint: string }) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
  }
}

/** `queue_full`: too many wait already. `too_large`: it would not fit if it were alone. */
export type QueueErrorCode = 'queue_full' | 'too_large';
