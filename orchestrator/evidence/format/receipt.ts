import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../executor/protocol/canonical.ts';
import { ARCHIVE_FILE, BURN_FILE, SEAL_FILES, TIMESTAMP_FILE } from './names.ts';
import { dictionary, list, object, objectWith, oneOf, orNull, type Read } from './shape.ts';
import { RECEIPT_PREDICATE, STATEMENT_TYPE, Subject, subject } from './statement.ts';
import { IdKind, IDS_MAX, Instant, MachineId, Outcome, RunId, Serial, Sha256, TaskId, Text } from './values.ts';

/** Two looks at the same id must be at least this far apart: one look may catch a resource between dying and being restarted. */
export const LOOKS_APART_MS = 100;
/** Looks per id that a receipt needs. */
export const LOOKS_MIN = 2;

/** One look that did not find the id, and by what means it was looked for. */
export const Absence = object({ state: oneOf(['gone']), means: Text, at: Instant });

/** One concrete id of the run and the proof that it is gone. */
export const BurnedId = object({
  kind: IdKind,
  id: Text,
  detail: dictionary(Text, 64),
  deleted: object({ how: Text, at: Instant }),
  absence: list(Absence, { min: LOOKS_MIN, max: 16 }),
});
export type BurnedId = Read<typeof BurnedId>;

/** The timestamp over the evidence's envelope: SHA-256 of its token, or why there is none. */
const StampFacts = object({ sha256: orNull(Sha256), why: orNull(Text) });

const RECEIPT_FIELDS = {
  version: oneOf([1]),
  run_id: RunId,
  task_id: TaskId,
  machine_id: orNull(MachineId),
  image_digest: orNull(Text),
  certificate_serials: list(Serial, { max: 64 }),
  outcome: orNull(Outcome),
  /** SHA-256 of manifest.json; null when the run was burned without one. */
  evidence_root: orNull(Sha256),
  /** SHA-256 of archive.json; null when the evidence was not archived by then. */
  archive_sha256: orNull(Sha256),
  /** SHA-256 of burn.ndjson; null when the destruction said nothing. */
  burn_log_sha256: orNull(Sha256),
  ids: list(BurnedId, { max: IDS_MAX }),
  signed_at: Instant,
};

/**
 * What a receipt says: which run, which evidence, and that every id of it is gone. `timestamp` is absent where none was asked for;
 * `seal` where the manifest was signed by then: `missing` means that it was listed, not signed, and is sealed late if ever.
 */
export const ReceiptPredicate = objectWith(RECEIPT_FIELDS, { timestamp: StampFacts, seal: oneOf(['missing']) });
export type ReceiptPredicate = Read<typeof ReceiptPredicate>;

export const ReceiptStatement = object({
  _type: oneOf([STATEMENT_TYPE]),
  subject: list(Subject, { min: 1, max: 5 }),
  predicateType: oneOf([RECEIPT_PREDICATE]),
  predicate: ReceiptPredicate,
});
export type ReceiptStatement = Read<typeof ReceiptStatement>;

/** What is signed about a burn: wholly determined by its predicate. The ids themselves are its first subject. */
export function receiptStatement(predicate: ReceiptPredicate): ReceiptStatement {
  const { ids, evidence_root, archive_sha256, burn_log_sha256, timestamp } = predicate;
  const stamp = timestamp?.sha256 ?? null;
  const idsDigest = createHash('sha256').update(canonicalJson(ids)).digest('hex');
  return {
    _type: STATEMENT_TYPE,
    subject: [
      subject('ids', idsDigest),
      ...(evidence_root === null ? [] : [subject(SEAL_FILES.manifest, evidence_root)]),
      ...(stamp === null ? [] : [subject(TIMESTAMP_FILE, stamp)]),
      ...(archive_sha256 === null ? [] : [subject(ARCHIVE_FILE, archive_sha256)]),
      ...(burn_log_sha256 === null ? [] : [subject(BURN_FILE, burn_log_sha256)]),
    ],
    predicateType: RECEIPT_PREDICATE,
    predicate,
  };
}

/** What is wrong with the proof of absence of one id, or undefined. Used before signing and again by every verifier. */
export function absenceProblem({ deleted, absence }: BurnedId): string | undefined {
  const looks = absence.map(({ at }) => Date.parse(at));
  const [first] = looks;
  const last = looks.at(-1);
  if (first === undefined || last === undefined || looks.length < LOOKS_MIN)
    return `expected ${LOOKS_MIN} looks that found it gone`;
  if (looks.some((at, index) => index > 0 && at < (looks[index - 1] ?? at)))
    return 'expected the looks in the order of time';
  if (first < Date.parse(deleted.at)) return 'expected the first look after the deletion';
  if (last - first < LOOKS_APART_MS)
    return `expected looks at least ${LOOKS_APART_MS} ms apart, got ${last - first} ms`;
  return undefined;
}

/** The first of `known` that is not among `ids`; by kind and id, as they are named in both. */
export function missingId<T extends { readonly kind: string; readonly id: string }>(
  ids: readonly { readonly kind: string; readonly id: string }[],
  known: readonly T[],
): T | undefined {
  const nameOf = ({ kind, id }: { kind: string; id: string }): string => `${kind} ${id}`;
  const names = new Set(ids.map(nameOf));
  return known.find((one) => !names.has(nameOf(one)));
}
