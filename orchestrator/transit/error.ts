export type TransitErrorCode = 'transit_unreachable' | 'transit_denied' | 'transit_unfit';

/** Why a key in Vault's Transit engine could not be used. `message` ends with what to do. */
export class TransitError extends Error {
  override readonly name = 'TransitError';
  readonly code: TransitErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;

  constructor(code: TransitErrorCode, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
  }
}
