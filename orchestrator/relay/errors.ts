import { ExplainedError } from '../errors.ts';

/**
 * What can go wrong between relay and sandbox, and whether the same attempt may be made again.
 * Nothing is retryable once a request may have reached the executor: then the effect is unknown, and a retry could run it twice.
 */
export const RELAY_ERRORS = {
  host_key_mismatch: { retryable: false, why: 'another machine answers; it will not become the right one' },
  certificate_expired: { retryable: false, why: 'only a new certificate helps' },
  certificate_not_yet_valid: { retryable: true, why: 'time cures it, once the clocks agree' },
  refused: { retryable: false, why: 'sshd, the executor or the relay itself said no, and will again' },
  unreachable: { retryable: true, why: 'nothing was sent yet; the guest may still be starting' },
  handshake_timeout: { retryable: true, why: 'nothing was asked yet; the guest may be slow' },
  action_timeout: { retryable: false, why: 'the action may have run' },
  protocol_violation: { retryable: false, why: 'the other side does not keep to the protocol' },
  closed: { retryable: false, why: 'the session is over; what was in flight may have run' },
} as const satisfies Record<string, { retryable: boolean; why: string }>;

export type RelayErrorCode = keyof typeof RELAY_ERRORS;

/** The one error of the relay. `retryable` says whether the same attempt may be made again. */
export class RelayError extends ExplainedError<RelayErrorCode> {
  override readonly name = 'RelayError';
  readonly retryable: boolean;

  constructor(code: RelayErrorCode, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(code, said, options);
    this.retryable = RELAY_ERRORS[code].retryable;
  }
}

/** The other side did something the protocol does not have. */
export function violation(expected: string, got: string, cause?: unknown): RelayError {
  const hint = 'the sandbox is not to be trusted any more: the session is over, burn it';
  return new RelayError('protocol_violation', { expected, got, hint }, { cause });
}

/** The session is over. */
export function closed(got: string, cause?: unknown): RelayError {
  const hint = 'what was in flight may or may not have run; look at the executor log in the evidence';
  return new RelayError('closed', { expected: 'an open session', got, hint }, { cause });
}

/** Text of the guest, made fit to stand in a message: short, quoted, and in ASCII, so that nothing in it can drive a terminal or forge a log line. */
export function quote(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return JSON.stringify(short).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
