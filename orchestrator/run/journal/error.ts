import { ExplainedError } from '../../errors.ts';

/** Why the journal did not do what it was asked. `retryable` says whether the same call can succeed without anybody mending anything. */
export class JournalError extends ExplainedError<JournalErrorCode> {
  override readonly name = 'JournalError';
  readonly retryable: boolean;

  constructor(code: JournalErrorCode, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(code, said, options);
    this.retryable = RETRYABLE[code];
  }
}

/** One row per code: may the same call succeed later by itself? */
const RETRYABLE = {
  bad_run_id: false,
  run_not_found: false,
  run_ambiguous: false,
  run_exists: false,
  move_not_listed: false,
  moved_meanwhile: false,
  held_elsewhere: false,
  run_ended: false,
  id_not_found: false,
  certificate_exists: false,
  action_out_of_turn: false,
  bad_database_url: false,
  journal_newer: false,
  journal_unreadable: false,
  journal_full: false,
  journal_unavailable: true,
  journal_timeout: true,
  journal_refused: false,
} as const;

export type JournalErrorCode = keyof typeof RETRYABLE;
