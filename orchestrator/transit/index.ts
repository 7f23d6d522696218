/** Keys in Vault's or OpenBao's Transit engine, for the CA, evidence and receipts. */
export { TransitError, type TransitErrorCode } from './error.ts';
export type { TransitAccess } from './call.ts';
export { openTransitKey, type TransitKey } from './open-key.ts';
