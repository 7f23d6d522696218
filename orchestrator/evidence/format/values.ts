import { integer, oneOf, object, pattern, type Read, text } from './shape.ts';

export const Count = integer(0);

/** SHA-256 in lowercase hex. */
export const Sha256 = pattern(/^[0-9a-f]{64}$/, '64 lowercase hex digits');

/** Our name for a run. */
export const RunId = pattern(/^[0-9a-f]{12}$/, '12 lowercase hex digits');

/** A caller's name for a task. */
export const TaskId = pattern(/^[A-Za-z0-9._-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 . _ -');

/** The sandbox's identity as its control plane gave it: a UUID or an instance id. */
export const MachineId = pattern(
  /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|i-[0-9a-f]{8,17})$/,
  'a lowercase UUID or an instance id',
);

/** Base64 as RFC 4648 section 4 has it, with padding. Groups of four are counted, not matched: a repeated group would overflow the expression's stack. */
export const Base64 = pattern(/^[A-Za-z0-9+/]*={0,2}$/, 'base64 with padding', (value) => value.length % 4 === 0);

/** A moment as ISO 8601 in UTC with milliseconds: one text per moment. */
export const Instant = pattern(
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/,
  'a moment that exists, as YYYY-MM-DDTHH:MM:SS.mmmZ',
  (value) => Number.isFinite(Date.parse(value)) && new Date(value).toISOString() === value,
);

/** A certificate's serial: an unsigned 64-bit number in decimal. */
export const Serial = pattern(/^(0|[1-9][0-9]{0,19})$/, 'a decimal number of at most 20 digits');

/** What an engine, a driver or a caller says, cut at a length that a manifest can bear. */
export const Text = text(4096);

export const LockMode = oneOf(['COMPLIANCE', 'GOVERNANCE']);

/** How a file of the archive is locked. */
export const ObjectLock = object({ mode: LockMode, retain_until: Instant });
export type ObjectLock = Read<typeof ObjectLock>;

/** What the lock probe found the archive to be; `rehearsal`: strict, but in GOVERNANCE mode, which whoever may bypass it can end at any time. */
export const LockVerdict = oneOf(['strict', 'rehearsal', 'weak', 'none']);
export type LockVerdict = Read<typeof LockVerdict>;

/** How a run went. */
export const Outcome = oneOf(['succeeded', 'failed', 'timed_out', 'cancelled', 'interrupted']);

/** Of what kind a concrete id is, as its driver names it. */
export const IdKind = pattern(/^[a-z][a-z-]{0,31}$/, 'the kind of an id');
/** Concrete ids of one run: more than any driver makes. */
export const IDS_MAX = 1024;
