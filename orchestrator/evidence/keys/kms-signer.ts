import type { KmsKey } from '../../../infra/index.ts';
import { keepPublicHalf, openFileSigner, publicKeyFile } from './file-signer.ts';
import type { KeyPurpose } from './trusted-keys.ts';
import { publicKey } from './public-key.ts';
import type { Signer } from './signer.ts';

/** The signer for a purpose: a key in KMS where one is given, else a file's. Its public half lies in `keys/` either way, for whoever verifies. */
export async function openSigner(home: string, purpose: KeyPurpose, key: KmsKey | undefined): Promise<Signer> {
  if (key === undefined) return openFileSigner(home, purpose);
  const signer = kmsSigner(key);
  await keepPublicHalf(publicKeyFile(home, purpose), signer.publicKey);
  return signer;
}

/** A signer of evidence or receipts whose key lies in KMS. */
export function kmsSigner(key: KmsKey): Signer {
  return { publicKey: publicKey(key.publicKey), sign: (data, signal) => key.sign(data, signal) };
}
