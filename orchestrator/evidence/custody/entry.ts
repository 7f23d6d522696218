import { integer, object, oneOf, orNull, type Read } from '../format/shape.ts';
import { Instant, RunId, Sha256, Text } from '../format/values.ts';

/** What can be done with evidence. `read`: one stream shown. `archived`: put under lock after its run. */
export const CUSTODY_ACTS = ['read', 'verified', 'exported', 'archived', 'held', 'released'] as const;

const facts = {
  /** user@host of the process that did it. */
  who: Text,
  act: oneOf(CUSTODY_ACTS),
  run_id: RunId,
  /** SHA-256 of the run's manifest.json as it was then; null where there was none. */
  evidence_root: orNull(Sha256),
  /** SHA-256 of what went out: the export, the stream that was shown. */
  sha256: orNull(Sha256),
  detail: Text,
} as const;

/** One entry of the custody log. */
export const CustodyEntry = object({ version: oneOf([1]), seq: integer(1), at: Instant, prev: Sha256, ...facts });
export type CustodyEntry = Read<typeof CustodyEntry>;

/** What whoever did it says; the log adds the rest. */
export type CustodyFacts = Omit<CustodyEntry, 'version' | 'seq' | 'at' | 'prev'>;
