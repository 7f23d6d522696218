import type { PublicKey } from './public-key.ts';

/**
 * What signs evidence or receipts. The private key may lie in a file, in a KMS or in a Vault: whoever seals never sees it, hands over
 * bytes and checks what comes back.
 */
export interface Signer {
  readonly publicKey: PublicKey;
  /** The signature over exactly these bytes: ed25519's 64, or P-256's with SHA-256 in DER. Should give up when `signal` aborts. */
  readonly sign: (data: Uint8Array, signal: AbortSignal) => Promise<Buffer>;
}
