/** Evidence as the rest of the orchestrator sees it: archive, seal, receipt, verification. */
export { openArchive, type Archive, type ArchiveOptions } from './archive/open-archive.ts';
export { startLocalArchive, type LocalArchive, type LocalArchiveOptions } from './archive/local-archive.ts';
export { probeOrRecall, type DatedProbe } from './archive/probe-cache.ts';
export { type ProbeCheck, type ProbeResult } from './archive/probe.ts';
export { ArchiveError, ARCHIVE_ERRORS, isArchiveError, type ArchiveErrorCode } from './archive/errors.ts';
export type { ArchivedObject } from './archive/put.ts';
export type { ObjectSource } from './archive/send-object.ts';
export { archiveLate, type LateArchiveRequest } from './archive-late.ts';
export { archiveReceipt, archiveRun, type ArchiveRequest } from './archive-run.ts';
export { Following, type Followed, type FollowOptions, type Sources } from './arrivals/follow.ts';
export { openBurnLog, type BurnLog } from './burn-log.ts';
export { openCapture, type Capture } from './capture/capture.ts';
export { CaptureReader, type CapturedFrame } from './capture/read-capture.ts';
export { describeFrame, type DescribedFrame } from './capture/describe-frame.ts';
export type { FrameSender } from './capture/blocks.ts';
export { digestIfThere, readIfThere } from './durable.ts';
export { CUSTODY_ACTS, type CustodyEntry, type CustodyFacts } from './custody/entry.ts';
export { readCustody, recordCustody, type CustodyReading } from './custody/custody-log.ts';
export { EXPORT_FORMATS, exportBundle, type Exported, type ExportFormat } from './export/export-bundle.ts';
export { holdRun, type HeldObject } from './hold-run.ts';
export { EvidenceError, type EvidenceErrorCode } from './errors.ts';
export type { ArchiveRecord } from './format/archive-record.ts';
export type { ArchiveFacts, KnownId, Manifest, RunFacts, StreamEnding, StreamEntry } from './format/manifest.ts';
export { ARCHIVE_FILE, BURN_FILE, LATE_FILE, RECEIPT_FILES, SEAL_FILES, TIMESTAMP_FILE } from './format/names.ts';
export { LOOKS_APART_MS, LOOKS_MIN, type ReceiptPredicate } from './format/receipt.ts';
export {
  FOLLOWED,
  isStreamName,
  STREAMS,
  STREAM_NAMES,
  type FollowedStream,
  type StreamEnd,
  type StreamName,
} from './format/streams.ts';
export type { LockVerdict, ObjectLock } from './format/values.ts';
export { FINDINGS, type Completeness, type Finding, type FindingCode } from './format/findings.ts';
export { openFileSigner, publicKeyFile } from './keys/file-signer.ts';
export { openSigner } from './keys/kms-signer.ts';
export type { PublicKey } from './keys/public-key.ts';
export type { Signer } from './keys/signer.ts';
export { readKeyFile, readTrustedKeys } from './keys/trust.ts';
export { type KeyPurpose, NOBODY, type TrustedKeys } from './keys/trusted-keys.ts';
export { readArchiveRecord } from './read-archive-record.ts';
export { readSeal, requireSeal, type Seal } from './read-seal.ts';
export { readReceipt, type Receipt } from './read-receipt.ts';
export { signReceipt, type BurnProof, type ReceiptRequest } from './receipt.ts';
export { noteFailure, readSpool, spooledBytes, type SpoolEntry, spoolRun, unspoolRun } from './spool.ts';
export { readAuthorities } from './stamp/authority.ts';
export type { Stamped, TimestampAuthority } from './stamp/ask-authority.ts';
export { TimestampError, type TimestampErrorCode } from './stamp/errors.ts';
export { stampSeal, type StampRequest } from './stamp/stamp-seal.ts';
export type { Certificate } from './timestamp/certificate.ts';
export { sealLate, type LateSealRequest } from './seal-late.ts';
export { sealRun, type CollectedStream, type SealRequest } from './seal.ts';
export { CHECKS, type Check, type CheckCode } from './verify/check-list.ts';
export { linesOf, reportOf, type VerificationReport } from './verify/report.ts';
export { verifyBundle, type Verification, type VerifyOptions } from './verify/verify-bundle.ts';
export { boundClock, type ClockBounds } from './witness/clock.ts';
export { ExecutorWitness, type RecordedAction } from './witness/executor.ts';
export { RelayWitness, type SentRequest } from './witness/relay.ts';
