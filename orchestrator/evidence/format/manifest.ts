import * as z from 'zod';
import { MachineId, RunId, Sha256, TaskId } from '../../../executor/protocol/index.ts';
import { FILES_MAX, FileName } from './names.ts';
import { FINDING_CODES, VERDICTS } from './findings.ts';
import { STREAM_ENDS, STREAM_NAMES } from './streams.ts';
import { Count, Instant, LockVerdict, Serial, Text } from './values.ts';

/** What is known about a run when it is sealed; null where the run did not get that far. */
export const RunFacts = z.strictObject({
  run_id: RunId,
  task_id: TaskId,
  requester: Text,
  profile: Text,
  driver: z.enum(['local', 'aws']),
  engine: z.enum(['embedded', 'cli']).nullable(),
  stack: Text.nullable(),
  isolation: z.enum(['kvm', 'emulated', 'cloud']).nullable(),
  /** Who else than the relay could have reached the guest's sshd, and whose network namespace the machine had (infra/driver.ts). */
  reach: z.enum(['wire', 'loopback']).nullable(),
  machine_network: z.enum(['own', 'host']).nullable(),
  machine_id: MachineId.nullable(),
  image_digest: Text.nullable(),
  policy_sha256: Sha256.nullable(),
  certificate_serials: z.array(Serial).max(64),
  outcome: z.enum(['succeeded', 'failed', 'timed_out', 'cancelled', 'interrupted']).nullable(),
});
export type RunFacts = z.infer<typeof RunFacts>;

/** The archive the evidence goes to, as far as it was known before the upload. */
export const ArchiveFacts = z.strictObject({
  endpoint: Text,
  bucket: Text,
  mode: z.enum(['COMPLIANCE', 'GOVERNANCE']),
  retention_days: z.int().min(0),
  lock: LockVerdict,
  probed_at: Instant,
});
export type ArchiveFacts = z.infer<typeof ArchiveFacts>;

/** One file of evidence. */
export const FileEntry = z.strictObject({ name: FileName, bytes: Count, sha256: Sha256 });
export type FileEntry = z.infer<typeof FileEntry>;

/** How a stream ended, as whoever collected it says. */
export const StreamEnding = z.strictObject({ how: z.enum(STREAM_ENDS), at: Instant, detail: Text.optional() });
export type StreamEnding = z.infer<typeof StreamEnding>;

/** One stream: what arrived, counted. Sequence numbers only where its records carry them, null elsewhere. */
export const StreamEntry = z.strictObject({
  stream: z.enum(STREAM_NAMES),
  witness: z.enum(['guest', 'relay', 'control_plane']),
  file: FileName.nullable(),
  bytes: Count,
  records: Count,
  first_seq: z.int().nullable(),
  last_seq: z.int().nullable(),
  ended: StreamEnding,
});
export type StreamEntry = z.infer<typeof StreamEntry>;

/** One finding: see findings.ts. */
export const Finding = z.strictObject({
  code: z.enum(FINDING_CODES),
  stream: z.enum(STREAM_NAMES),
  detail: z.string().max(512),
});

/** How far the guest's clock was ahead of the relay's, as far as the requests show it: between these two, in milliseconds. */
export const ClockOffset = z.strictObject({ min_ms: z.int(), max_ms: z.int() });

/** Everything a bundle holds and what it is worth. Its bytes are canonical JSON; their SHA-256 is the evidence root. */
export const Manifest = z.strictObject({
  version: z.literal(1),
  run: RunFacts,
  sealed_at: Instant,
  files: z.array(FileEntry).max(FILES_MAX),
  merkle_root: Sha256,
  streams: z.array(StreamEntry).max(16),
  clock: ClockOffset.nullable(),
  verdict: z.enum(VERDICTS),
  findings: z.array(Finding).max(1024),
  archive: ArchiveFacts.nullable(),
});
export type Manifest = z.infer<typeof Manifest>;
