/**
 * What signs for the CA. The private key may lie in a file, in a KMS or in a Vault: the CA never sees it, it hands over
 * the bytes and checks what comes back.
 */
export interface Signer {
  /** Public half, `ssh-ed25519 AAAA…` or `ecdsa-sha2-nistp256 AAAA…`. */
  readonly publicKeyLine: string;
  /** The raw signature (64 bytes: ed25519's, or r and s of P-256 with SHA-256) over exactly these bytes. Should give up when `signal` aborts. */
  sign(data: Buffer, signal: AbortSignal): Promise<Buffer>;
}
