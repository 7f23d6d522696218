import type { Explained } from '../errors.ts';

/** Why something could not be prepared. One row per code says nothing more than the code: the message carries expected, got and hint. */
export class SetupError extends Error implements Explained {
  override readonly name = 'SetupError';
  readonly code: SetupErrorCode;
  readonly expected: string;
  readonly got: string;
  /** What to do, an exact command where there is one. */
  readonly hint: string;

  constructor(code: SetupErrorCode, said: { expected: string; got: string; hint: string }, options?: ErrorOptions) {
    super(`expected ${said.expected}, got ${said.got}; ${said.hint}`, options);
    this.code = code;
    this.expected = said.expected;
    this.got = said.got;
    this.hint = said.hint;
  }
}

export type SetupErrorCode =
  | 'data_directory_unusable'
  | 'not_enough_disk_space'
  | 'unsupported_host'
  | 'programs_missing'
  | 'package_installation_failed'
  | 'archive_server_missing'
  | 'archive_server_build_failed'
  | 'agent_build_failed'
  | 'image_build_failed'
  | 'probe_failed'
  | 'prerequisite_failed'
  | 'setup_running'
  | 'deadline_passed'
  | 'cancelled'
  | 'internal';
