/**
 * What signs for the CA. The private key may lie in a file, in a KMS or in a Vault: the CA never sees it, it hands over
 * the bytes and checks what comes back.
 */
export interface Signer {
  /** Public half, `ssh-ed25519 AAAA…`. */
  readonly publicKeyLine: string;
  /** The plain ed25519 signature (64 bytes) over exactly these bytes. Should give up when `signal` aborts. */
  sign(data: Buffer, signal: AbortSignal): Promise<Buffer>;
}
