/** Why the wire did not carry a connection. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: WireErrorCode;

  constructor(code: WireErrorCode, expected: string, got: string) {
    super(`expected ${expected}, got ${got}; ${HINTS[code]}`);
    this.code = code;
  }
}

const HINTS = {
  refused: 'nothing listens on that port of the guest',
  reset: 'its sshd ended, or dropped the connection',
  timed_out: 'the guest hangs, or shut its network',
  closed: 'the machine has ended',
  too_many: 'one run needs one connection',
} as const;

export type WireErrorCode = keyof typeof HINTS;
