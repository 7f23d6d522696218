import * as z from 'zod';

/** A certificate's serial, decimal: 64 bits do not fit a number. Zero means "has none" and cannot be revoked. */
export const Serial = z.string().regex(/^[1-9][0-9]{0,19}$/);

/** Serials in one order: all that a run ever has, and room. */
const SERIALS_MAX = 64;

/**
 * The one line that a login with a certificate of the kind `revoke` may send, and the only thing it can do: from then on the sandbox's sshd
 * refuses these serials. There is no action of this name, so no caller can ask for it and no grant can hold it.
 */
export const Revocation = z.strictObject({ revoke: z.array(Serial).min(1).max(SERIALS_MAX) });
export type Revocation = z.infer<typeof Revocation>;

/** The answer to it: what sshd refuses now. */
export const Revoked = z.strictObject({ revoked: z.array(Serial).min(1).max(SERIALS_MAX) });
export type Revoked = z.infer<typeof Revoked>;
