import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { GetPublicKeyCommand, type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { DriverError } from '../../error.ts';
import { type AwsAccess, openKms } from '../api/clients.ts';
import { translateAws } from '../api/errors.ts';

/** An asymmetric key that lies in KMS and never leaves it. */
export interface KmsKey {
  readonly publicKey: KeyObject;
  /** Signs exactly these bytes: ed25519's 64 bytes, or P-256's r and s with SHA-256, in DER. Rejects with DriverError. */
  sign(data: Uint8Array, signal: AbortSignal): Promise<Buffer>;
}

/**
 * Opens a signing key by its id, ARN or alias: reads its public half once. Refuses a key that is of another kind or not for signing.
 * Both kinds that KMS has and OpenSSH knows are taken; P-256 is the one for all uses, since KMS signs at most 4096 bytes with ed25519.
 */
export async function openKmsKey(access: AwsAccess, keyId: string): Promise<KmsKey> {
  const kms = openKms(access);
  const { PublicKey, KeyUsage } = await kms.send(new GetPublicKeyCommand({ KeyId: keyId })).catch((cause: unknown) => {
    throw translateAws(cause, `the public half of KMS key ${keyId}`);
  });
  if (PublicKey === undefined || KeyUsage !== 'SIGN_VERIFY') throw unfit(keyId, `a key for ${KeyUsage ?? 'nothing'}`);
  const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
  const algorithm = algorithmOf(keyId, publicKey);
  return { publicKey, sign: (data, signal) => sign(kms, keyId, algorithm, Buffer.from(data), signal) };
}

type Algorithm = 'ECDSA_SHA_256' | 'ED25519_SHA_512';

/** KMS takes this many bytes of a message; of a longer one its digest, which ed25519 cannot use. */
const MESSAGE_MAX_BYTES = 4_096;

function algorithmOf(keyId: string, publicKey: KeyObject): Algorithm {
  if (publicKey.asymmetricKeyType === 'ed25519') return 'ED25519_SHA_512';
  if (publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ECDSA_SHA_256';
  throw unfit(
    keyId,
    `a key of kind ${publicKey.asymmetricKeyDetails?.namedCurve ?? publicKey.asymmetricKeyType ?? '?'}`,
  );
}

async function sign(
  kms: KMSClient,
  keyId: string,
  algorithm: Algorithm,
  data: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const isLong = data.length > MESSAGE_MAX_BYTES;
  if (isLong && algorithm === 'ED25519_SHA_512') throw unfit(keyId, `${data.length} bytes to sign with ed25519`);
  const message = isLong
    ? ({ MessageType: 'DIGEST', Message: createHash('sha256').update(data).digest() } as const)
    : ({ MessageType: 'RAW', Message: data } as const);
  const command = new SignCommand({ KeyId: keyId, SigningAlgorithm: algorithm, ...message });
  const { Signature } = await kms.send(command, { abortSignal: signal }).catch((cause: unknown) => {
    throw translateAws(cause, `KMS key ${keyId} to sign`);
  });
  if (Signature === undefined) throw unfit(keyId, 'an answer without a signature');
  return Buffer.from(Signature);
}

function unfit(keyId: string, got: string): DriverError {
  return new DriverError('aws_refused', {
    expected: `a KMS key ${keyId} for signing, ECC_NIST_P256 or (up to ${MESSAGE_MAX_BYTES} bytes) ECC_NIST_EDWARDS25519`,
    got,
    hint: 'the foundation makes one: ECC_NIST_P256, SIGN_VERIFY',
  });
}
