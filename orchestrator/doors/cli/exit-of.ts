import type { DriverErrorCode } from '../../../infra/index.ts';
import type { CaErrorCode } from '../../ca/index.ts';
import type { Explained, RequestErrorCode } from '../../errors.ts';
import type { ArchiveErrorCode, EvidenceErrorCode, TimestampErrorCode } from '../../evidence/index.ts';
import type { KeyFileErrorCode } from '../../key-file.ts';
import type { QueueErrorCode } from '../../queue/error.ts';
import type { RelayErrorCode } from '../../relay/index.ts';
import type { HomeLockErrorCode } from '../../run/home-lock-error.ts';
import type { JournalErrorCode } from '../../run/journal/index.ts';
import type { RunSummary } from '../../run/summary.ts';
import type { SetupErrorCode } from '../../setup/errors.ts';
import type { TransitErrorCode } from '../../transit/index.ts';
import { EXIT_CODES, type ExitName } from './exit-codes.ts';

/** The exit of a command that ended with an error. Only a foreign error has no row in the table, and exits as a defect. */
export function exitOfError({ code }: Explained): number {
  return EXIT_CODES[isErrorCode(code) ? EXITS[code] : 'internal'].code;
}

/** The exit of a command that saw a run to its end: how the run went, or, where it went nowhere, why. */
export function exitOfRun({ state, outcome, result }: RunSummary): number {
  if (state === 'quarantined') return EXIT_CODES.quarantined.code;
  const [failure] = result?.failures ?? [];
  const isIdle = state === 'refused' || (outcome === 'failed' && result?.answers.length === 0);
  if (isIdle && failure !== undefined) return exitOfError(failure);
  return EXIT_CODES[state === 'refused' ? 'refused' : (outcome ?? 'interrupted')].code;
}

/** Every code that an error of ours can reach a caller with. A code that two modules have means the same exit for both. */
type ErrorCode =
  | RequestErrorCode
  | HomeLockErrorCode
  | QueueErrorCode
  | SetupErrorCode
  | JournalErrorCode
  | DriverErrorCode
  | KeyFileErrorCode
  | CaErrorCode
  | RelayErrorCode
  | ArchiveErrorCode
  | EvidenceErrorCode
  | TimestampErrorCode
  | TransitErrorCode;

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(EXITS, code);
}

/** One row per code: the compiler misses the one that is not here. */
const EXITS: Readonly<Record<ErrorCode, ExitName>> = {
  // The request.
  bad_argument: 'usage',
  not_running: 'usage',
  too_slow: 'unavailable',
  bad_actions: 'bad_data',
  script_too_large: 'bad_data',
  script_without_interpreter: 'bad_data',
  no_such_script: 'no_input',
  no_evidence: 'no_input',
  no_such_stack: 'no_input',
  stack_unreadable: 'bad_data',
  bad_configuration: 'configuration',
  refused_by_policy: 'refused',
  // Room for a sandbox.
  queue_full: 'busy',
  too_large: 'refused',
  // The data directory and what setup puts into it.
  home_busy: 'busy',
  home_lost: 'busy',
  home_unusable: 'cannot_create',
  data_directory_unusable: 'cannot_create',
  not_enough_disk_space: 'cannot_create',
  setup_running: 'busy',
  unsupported_host: 'unavailable',
  programs_missing: 'unavailable',
  package_installation_failed: 'unavailable',
  archive_server_missing: 'unavailable',
  archive_server_build_failed: 'unavailable',
  agent_build_failed: 'unavailable',
  image_build_failed: 'unavailable',
  probe_failed: 'unavailable',
  prerequisite_failed: 'unavailable',
  deadline_passed: 'unavailable',
  cancelled: 'cancelled',
  internal: 'internal',
  // The journal.
  bad_run_id: 'usage',
  run_not_found: 'no_input',
  run_ambiguous: 'usage',
  bad_database_url: 'configuration',
  journal_full: 'cannot_create',
  journal_newer: 'unavailable',
  journal_unreadable: 'unavailable',
  journal_unavailable: 'unavailable',
  journal_timeout: 'unavailable',
  journal_refused: 'unavailable',
  run_exists: 'internal',
  move_not_listed: 'internal',
  moved_meanwhile: 'internal',
  held_elsewhere: 'busy',
  run_ended: 'internal',
  id_not_found: 'internal',
  certificate_exists: 'internal',
  action_out_of_turn: 'internal',
  // The driver.
  no_qemu: 'unavailable',
  no_image: 'unavailable',
  no_space: 'cannot_create',
  no_memory: 'unavailable',
  boot_timeout: 'unavailable',
  boot_failed: 'unavailable',
  machine_died: 'unavailable',
  stack_failed: 'unavailable',
  not_deleted: 'quarantined',
  cannot_tell: 'quarantined',
  throttled: 'unavailable',
  no_capacity: 'unavailable',
  not_permitted: 'unavailable',
  bad_credentials: 'configuration',
  aws_unreachable: 'unavailable',
  aws_unavailable: 'unavailable',
  aws_refused: 'unavailable',
  wrong_account: 'configuration',
  image_misfit: 'configuration',
  image_in_use: 'refused',
  no_such_image: 'no_input',
  bad_foundation: 'configuration',
  no_pulumi: 'unavailable',
  bad_request: 'internal',
  not_ours: 'internal',
  // Keys, and what the CA refuses to sign: it is only ever asked by ourselves.
  key_file_exposed: 'configuration',
  key_file_invalid: 'configuration',
  key_file_unusable: 'configuration',
  signer_failed: 'unavailable',
  tsa_unreachable: 'unavailable',
  tsa_refused: 'unavailable',
  timestamp_invalid: 'unavailable',
  tsa_ca_unusable: 'configuration',
  transit_unreachable: 'unavailable',
  transit_denied: 'configuration',
  transit_unfit: 'configuration',
  signer_timeout: 'unavailable',
  serial_list: 'cannot_create',
  already_used: 'internal',
  public_key_invalid: 'internal',
  machine_id_invalid: 'internal',
  certificate_type: 'internal',
  serial: 'internal',
  nonce: 'internal',
  key_id: 'internal',
  principal: 'internal',
  validity: 'internal',
  critical_options: 'internal',
  force_command: 'internal',
  source_address: 'internal',
  extensions: 'internal',
  grant: 'internal',
  subject_key: 'internal',
  ca_key: 'internal',
  certificate_malformed: 'internal',
  signature: 'internal',
  // The relay, and the archive, which share some.
  refused: 'unavailable',
  unreachable: 'unavailable',
  host_key_mismatch: 'unavailable',
  certificate_expired: 'unavailable',
  certificate_not_yet_valid: 'unavailable',
  handshake_timeout: 'unavailable',
  protocol_violation: 'failed',
  action_timeout: 'failed',
  closed: 'interrupted',
  no_bucket: 'configuration',
  no_object_lock: 'configuration',
  denied: 'configuration',
  not_found: 'unavailable',
  checksum_mismatch: 'unavailable',
  lock_not_as_asked: 'unavailable',
  exists: 'unavailable',
  conflict: 'unavailable',
  server_missing: 'unavailable',
  server_busy: 'busy',
  server_failed: 'unavailable',
  storage_unfit: 'cannot_create',
  // Evidence.
  bad_name: 'bad_data',
  not_a_plain_file: 'bad_data',
  too_many_files: 'bad_data',
  bundle_unwritable: 'cannot_create',
  audit_unavailable: 'cannot_create',
  absence_not_proven: 'quarantined',
  deletion_missing: 'quarantined',
  bad_facts: 'internal',
  other_run: 'internal',
  not_sealed: 'internal',
  spool_full: 'unavailable',
};
