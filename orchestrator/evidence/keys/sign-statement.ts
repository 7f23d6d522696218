import { canonicalJson } from '../../../executor/protocol/index.ts';
import { EvidenceError } from '../errors.ts';
import { envelope, isSignedBy, preAuthEncoding, type Envelope } from './dsse.ts';
import { oneFormOf } from './p256.ts';
import type { Signer } from './signer.ts';

/** A signer in another house (KMS, Vault) answers within seconds or not at all. */
const SIGNER_TIMEOUT_MS = 15_000;

/** A statement's one text, and that text signed. */
export interface SignedStatement {
  readonly statement: string;
  readonly envelope: string;
}

/** Signs a statement and checks the finished envelope as a stranger would, before anybody relies on it. */
export async function signStatement(statement: object, signer: Signer): Promise<SignedStatement> {
  const text = canonicalJson(statement);
  const payload = Buffer.from(text);
  const signed: Envelope = envelope(payload, signer.publicKey.keyId, await askSigner(signer, preAuthEncoding(payload)));
  if (!isSignedBy(signed, signer.publicKey.key)) {
    throw new EvidenceError('signer_failed', {
      expected: `a signature that key ${signer.publicKey.keyId} made over the statement`,
      got: 'another one',
      hint: 'the signer uses another key or is broken; nothing was sealed',
    });
  }
  return { statement: text, envelope: canonicalJson(signed) };
}

async function askSigner(signer: Signer, data: Buffer): Promise<Buffer> {
  try {
    const signature = await signer.sign(data, AbortSignal.timeout(SIGNER_TIMEOUT_MS));
    return signer.publicKey.key.asymmetricKeyType === 'ec' ? (oneFormOf(signature) ?? signature) : signature;
  } catch (cause) {
    throw new EvidenceError(
      'signer_failed',
      {
        expected: `key ${signer.publicKey.keyId} to sign`,
        got: cause instanceof Error ? cause.message : String(cause),
        hint: 'see that the key is there and the signer answers, then seal again',
      },
      { cause },
    );
  }
}
