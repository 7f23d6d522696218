import type { KmsKey } from '../../../infra/index.ts';
import { publicKey } from './public-key.ts';
import type { Signer } from './signer.ts';

/** A signer of evidence or receipts whose key lies in KMS. */
export function kmsSigner(key: KmsKey): Signer {
  return { publicKey: publicKey(key.publicKey), sign: (data, signal) => key.sign(data, signal) };
}
