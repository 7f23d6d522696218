import type { PublicKey } from './public-key.ts';

/**
 * What signs evidence or receipts. The private key may lie in a file, in a KMS or in a Vault: whoever seals never sees it, hands over
 * bytes and checks what comes back.
 */
export interface Signer {
  readonly publicKey: PublicKey;
  /** The plain ed25519 signature (64 bytes) over exactly these bytes. Should give up when `signal` aborts. */
  readonly sign: (data: Uint8Array, signal: AbortSignal) => Promise<Buffer>;
}
