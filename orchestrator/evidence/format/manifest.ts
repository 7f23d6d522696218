import { FINDING_CODES, VERDICTS } from './findings.ts';
import { FILES_MAX, FileName } from './names.ts';
import { integer, list, object, objectWith, oneOf, orNull, type Read, text } from './shape.ts';
import { STREAM_ENDS, STREAM_NAMES } from './streams.ts';
import {
  Count,
  IdKind,
  IDS_MAX,
  Instant,
  LockMode,
  LockVerdict,
  MachineId,
  Outcome,
  RunId,
  Serial,
  Sha256,
  TaskId,
  Text,
} from './values.ts';

/** What is known about a run when it is sealed; null where the run did not get that far. */
export const RunFacts = object({
  run_id: RunId,
  task_id: TaskId,
  requester: Text,
  profile: Text,
  driver: oneOf(['local', 'aws']),
  engine: orNull(oneOf(['embedded', 'cli'])),
  stack: orNull(Text),
  isolation: orNull(oneOf(['kvm', 'emulated', 'cloud'])),
  /** Who else than the relay could have reached the guest's sshd, and whose network namespace the machine had (infra/driver.ts). */
  reach: orNull(oneOf(['wire', 'loopback', 'relay-host'])),
  machine_network: orNull(oneOf(['own', 'host'])),
  machine_id: orNull(MachineId),
  image_digest: orNull(Text),
  policy_sha256: orNull(Sha256),
  certificate_serials: list(Serial, { max: 64 }),
  outcome: orNull(Outcome),
});
export type RunFacts = Read<typeof RunFacts>;

/** The archive the evidence goes to, as far as it was known before the upload. */
export const ArchiveFacts = object({
  endpoint: Text,
  bucket: Text,
  mode: LockMode,
  retention_days: Count,
  lock: LockVerdict,
  probed_at: Instant,
});
export type ArchiveFacts = Read<typeof ArchiveFacts>;

/** One file of evidence. */
export const FileEntry = object({ name: FileName, bytes: Count, sha256: Sha256 });
export type FileEntry = Read<typeof FileEntry>;

/** How a stream ended, as whoever collected it says. */
export const StreamEnding = objectWith({ how: oneOf(STREAM_ENDS), at: Instant }, { detail: Text });
export type StreamEnding = Read<typeof StreamEnding>;

/** One stream: what arrived, counted. Sequence numbers only where its records carry them, null elsewhere. */
export const StreamEntry = object({
  stream: oneOf(STREAM_NAMES),
  witness: oneOf(['guest', 'relay', 'control_plane']),
  file: orNull(FileName),
  bytes: Count,
  records: Count,
  first_seq: orNull(integer()),
  last_seq: orNull(integer()),
  ended: StreamEnding,
});
export type StreamEntry = Read<typeof StreamEntry>;

/** One finding: see findings.ts. */
export const Finding = object({
  code: oneOf(FINDING_CODES),
  stream: oneOf(STREAM_NAMES),
  detail: text(512),
});

/** How far the guest's clock was ahead of the relay's, as far as the requests show it: between these two, in milliseconds. */
export const ClockOffset = object({ min_ms: integer(), max_ms: integer() });

/** One concrete id of the run. */
export const KnownId = object({ kind: IdKind, id: Text });
export type KnownId = Read<typeof KnownId>;

/** Everything a bundle holds and what it is worth. Its bytes are canonical JSON; their SHA-256 is the evidence root. */
export const Manifest = object({
  version: oneOf([1]),
  run: RunFacts,
  sealed_at: Instant,
  files: list(FileEntry, { max: FILES_MAX }),
  merkle_root: Sha256,
  /** Every concrete id that the run is known to have had when it was sealed: the receipt must prove each of them gone. */
  ids: list(KnownId, { max: IDS_MAX }),
  streams: list(StreamEntry, { max: 16 }),
  clock: orNull(ClockOffset),
  verdict: oneOf(VERDICTS),
  findings: list(Finding, { max: 1024 }),
  archive: orNull(ArchiveFacts),
});
export type Manifest = Read<typeof Manifest>;
