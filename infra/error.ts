/** Why a driver could not do what it was asked. `retryable` says whether the same call can succeed without anybody mending anything. */
export class DriverError extends Error {
  override readonly name = 'DriverError';
  readonly code: DriverErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;
  readonly retryable: boolean;

  constructor(code: DriverErrorCode, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
    this.retryable = RETRYABLE[code];
  }
}

/** One row per code: may the same call succeed later by itself? */
const RETRYABLE = {
  bad_request: false,
  no_qemu: false,
  no_image: false,
  no_space: false,
  no_memory: true,
  boot_timeout: true,
  boot_failed: false,
  machine_died: true,
  stack_failed: false,
  cancelled: false,
  bad_foundation: false,
  no_pulumi: false,
  not_ours: false,
  not_deleted: true,
  cannot_tell: true,
  throttled: true,
  no_capacity: true,
  not_permitted: false,
  bad_credentials: false,
  aws_unreachable: true,
  aws_unavailable: true,
  aws_refused: false,
  wrong_account: false,
  image_misfit: false,
  image_in_use: false,
  no_such_image: false,
} as const;

export type DriverErrorCode = keyof typeof RETRYABLE;
