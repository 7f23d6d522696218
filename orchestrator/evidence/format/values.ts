import * as z from 'zod';

export const Count = z.int().min(0);

/** A moment as ISO 8601 in UTC with milliseconds: one text per moment. */
export const Instant = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/, 'expected YYYY-MM-DDTHH:MM:SS.mmmZ')
  .refine(
    (text) => Number.isFinite(Date.parse(text)) && new Date(text).toISOString() === text,
    'expected a moment that exists',
  );

/** A certificate's serial: an unsigned 64-bit number in decimal. */
export const Serial = z.string().regex(/^(0|[1-9][0-9]{0,19})$/, 'expected a decimal number of at most 20 digits');

/** What an engine, a driver or a caller says, cut at a length that a manifest can bear. */
export const Text = z.string().max(4096);

/** How a file of the archive is locked. */
export const ObjectLock = z.strictObject({ mode: z.enum(['COMPLIANCE', 'GOVERNANCE']), retain_until: Instant });
export type ObjectLock = z.infer<typeof ObjectLock>;

/** What the lock probe found the archive to be. */
export const LockVerdict = z.enum(['strict', 'weak', 'none']);
export type LockVerdict = z.infer<typeof LockVerdict>;
