/** Why there is no sandbox image. Setup shows it; the message says expected, got and hint. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;

  constructor(code: ImageErrorCode, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
  }
}

export type ImageErrorCode =
  | 'no_image'
  | 'image_damaged'
  | 'agent_missing'
  | 'tools_missing'
  | 'no_privilege'
  | 'step_failed'
  | 'unknown_kernel'
  | 'bad_fact'
  | 'deadline_passed'
  | 'cancelled';
