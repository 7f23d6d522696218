import type { HomeOwner } from './home-owner.ts';

/** Why the data directory could not be taken. `owner` is who has it, where that is known. */
export class HomeLockError extends Error {
  override readonly name = 'HomeLockError';
  readonly code: HomeLockErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;
  readonly owner: HomeOwner | undefined;

  constructor(
    code: HomeLockErrorCode,
    said: { expected: string; got: string; hint: string },
    options?: ErrorOptions & { owner?: HomeOwner },
  ) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
    this.owner = options?.owner;
  }
}

export type HomeLockErrorCode = 'home_busy' | 'home_unusable' | 'home_lost';
