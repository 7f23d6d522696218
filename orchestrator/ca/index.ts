/** The certificate authority as the rest of the orchestrator sees it. */
export { openCa, type Ca, type TaskCertificate } from './open-ca.ts';
export { openFileSigner } from './file-signer.ts';
export { kmsSigner as kmsCaSigner } from './kms-signer.ts';
export { createRunKey, type RunKey } from './run-key.ts';
export { CaError, type CaErrorCode } from './errors.ts';
export { COLLECTING_SECONDS } from './kinds.ts';
export type { Minted } from './mint.ts';
export type { MintAuditRequest, MintRequest, MintRevokeRequest } from './order.ts';
export type { Signer } from './signer.ts';
