import type { Refusal, RefusalCode } from '../../protocol/error.ts';

/** Why there is no session. Its texts name what was wrong, never what the certificate said: that is not trusted yet. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused';
  readonly refusal: Refusal;

  constructor(code: RefusalCode, expected: string, got: string, hint: string, options?: ErrorOptions) {
    super(`expected ${expected}, got ${got}; ${hint}`, options);
    this.refusal = { code, expected, got, hint };
  }
}
