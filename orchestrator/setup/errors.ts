import { ExplainedError } from '../errors.ts';

/** Why something could not be prepared. One row per code says nothing more than the code: the message carries expected, got and hint. */
export class SetupError extends ExplainedError<SetupErrorCode> {
  override readonly name = 'SetupError';
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
