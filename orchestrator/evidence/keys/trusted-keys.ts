import type { PublicKey } from './public-key.ts';

/** What a key is for. One key per purpose: whoever holds the evidence key cannot write receipts. */
export type KeyPurpose = 'evidence' | 'receipt';

/** Whose signatures count, by purpose. An empty list means: nobody said, so the signer is not checked. */
export type TrustedKeys = Readonly<Record<KeyPurpose, readonly PublicKey[]>>;

/** Nobody is trusted: a bundle can then only be found consistent with itself. */
export const NOBODY: TrustedKeys = { evidence: [], receipt: [] };
