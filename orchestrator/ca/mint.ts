import { randomBytes } from 'node:crypto';
import { GRANT_EXTENSION, TUNNEL_EXTENSION } from '../../executor/protocol/index.ts';
import {
  isSignatureValid,
  readCertificateLine,
  writeBody,
  writeCertificateLine,
  type CertificateBody,
} from './certificate.ts';
import { SIGNATURE_BYTES } from './ca-key.ts';
import { CaError } from './errors.ts';
import { CERTIFICATE_KINDS, NONCE_BYTES } from './kinds.ts';
import type { Order } from './order.ts';
import { checkRules } from './rules.ts';
import type { Signer } from './signer.ts';

/** A certificate that was signed and found good. Times are unix seconds; `serial` is decimal, for it does not fit a number. */
export interface Minted {
  readonly certificateLine: string;
  readonly serial: string;
  readonly keyId: string;
  readonly principal: string;
  readonly validAfter: number;
  readonly validBefore: number;
}

/** A remote signer answers within a second; ten leave room for one retry of its own. */
export const SIGN_TIMEOUT_MS = 10_000;

/**
 * Signs an order: draft, ask every rule, sign, then read the finished bytes as a stranger would and ask every rule again.
 * Nothing leaves unless both rounds agree. Throws CaError.
 */
export async function mint(order: Order, signer: Signer, timeoutMs = SIGN_TIMEOUT_MS): Promise<Minted> {
  const draft = draftBody(order);
  checkRules(draft, order);
  const signed = writeBody(draft);
  const signature = await signWithin(signer, signed, timeoutMs);
  const certificateLine = writeCertificateLine(signed, signature, order.caKey);
  checkFinished(certificateLine, order);
  const { serial, keyId, validAfter, validBefore } = draft;
  return { certificateLine, serial: serial.toString(), keyId, principal: order.principal, validAfter, validBefore };
}

function draftBody(order: Order): CertificateBody {
  const { forceCommand } = CERTIFICATE_KINDS[order.kind];
  return {
    nonce: randomBytes(NONCE_BYTES),
    subjectKey: order.subjectKey,
    serial: randomBytes(8).readBigUInt64BE() || 1n,
    type: 'user',
    keyId: order.keyId,
    principals: [order.principal],
    validAfter: order.validAfter,
    validBefore: order.validBefore,
    criticalOptions: [
      { name: 'force-command', value: forceCommand },
      { name: 'source-address', value: order.sourceAddress },
    ],
    extensions: draftExtensions(order),
    caKey: order.caKey,
  };
}

function draftExtensions({ grant, hasTunnels }: Order): CertificateBody['extensions'] {
  const forwarding = hasTunnels ? [{ name: TUNNEL_EXTENSION, value: undefined }] : [];
  return grant === undefined ? [] : [{ name: GRANT_EXTENSION, value: grant.json }, ...forwarding];
}

async function signWithin(signer: Signer, data: Buffer, timeoutMs: number): Promise<Buffer> {
  const deadline = new AbortController();
  const late = new CaError('signer_timeout', {
    expected: `a signature within ${timeoutMs} ms`,
    got: 'none',
    hint: "look at the signer's own health; nothing was issued",
  });
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(late);
    deadline.abort(late);
  }, timeoutMs);
  try {
    return await Promise.race([signer.sign(data, deadline.signal), expired]);
  } catch (cause) {
    if (cause === late) throw late;
    throw new CaError(
      'signer_failed',
      {
        expected: 'a signature',
        got: cause instanceof Error ? cause.message : String(cause),
        hint: "look at the signer's access to its key",
      },
      { cause },
    );
  } finally {
    clearTimeout(timer);
  }
}

function checkFinished(certificateLine: string, order: Order): void {
  const certificate = readCertificateLine(certificateLine);
  if (!isSignatureValid(certificate)) {
    throw new CaError('signature', {
      expected: `${SIGNATURE_BYTES} bytes that this CA's key made over the certificate`,
      got: 'a signature that does not verify',
      hint: 'the signer used another key or signed other bytes',
    });
  }
  checkRules(certificate, order);
}
