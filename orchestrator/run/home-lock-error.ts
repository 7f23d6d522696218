import { ExplainedError } from '../errors.ts';
import type { HomeOwner } from './home-owner.ts';

/** Why the data directory could not be taken. `owner` is who has it, where that is known. */
export class HomeLockError extends ExplainedError<HomeLockErrorCode> {
  override readonly name = 'HomeLockError';
  readonly owner: HomeOwner | undefined;

  constructor(
    code: HomeLockErrorCode,
    said: { expected: string; got: string; hint: string },
    options?: ErrorOptions & { owner?: HomeOwner },
  ) {
    super(code, said, options);
    this.owner = options?.owner;
  }
}

export type HomeLockErrorCode = 'home_busy' | 'home_unusable' | 'home_lost';
