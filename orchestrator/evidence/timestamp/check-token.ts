import { createHash, verify } from 'node:crypto';
import { type Certificate, EXTENSION, hasUsage, purposesOf, subjectOf } from './certificate.ts';
import { isValidAt, TIME_STAMPING, unknownCritical } from './certificate-path.ts';
import { type DerElement, DerError, DerReader, oidOf, readElement, TAG } from './der.ts';
import { readAlgorithm, TIME_INFO, type Token, type TokenSigner } from './token.ts';

/** Of the digests that authorities use, those that nobody has found collisions of. */
const DIGESTS: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
export const SHA256_OID = '2.16.840.1.101.3.4.2.1';

/** By identifier: what kind of key signs, and the digest where the identifier names one (RFC 5754). */
const SIGNATURES: Readonly<Record<string, { readonly key: 'rsa' | 'ec'; readonly digest?: string }>> = {
  '1.2.840.113549.1.1.1': { key: 'rsa' },
  '1.2.840.113549.1.1.11': { key: 'rsa', digest: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', digest: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', digest: 'sha512' },
  '1.2.840.10045.4.3.2': { key: 'ec', digest: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', digest: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', digest: 'sha512' },
};

const ATTRIBUTE = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const;

/** Shorter RSA keys are no proof of anything any more. */
const RSA_BITS_MIN = 2048;
/** Bits of the key usage: at least one of them, where there is a key usage (RFC 5280, section 4.2.1.3). */
const [DIGITAL_SIGNATURE, CONTENT_COMMITMENT] = [0, 1];

/**
 * Checks that a token is a timestamp over exactly these bytes, made with the key of a certificate in it that is for nothing else, while that was
 * valid; returns the certificate. Whose certificate it is, is another question: requirePath. Throws DerError.
 */
export function checkToken(token: Token, stamped: Uint8Array): Certificate {
  const { info, signer } = token;
  if (info.imprintAlgorithm !== SHA256_OID) throw new DerError('an imprint by SHA-256', info.imprintAlgorithm);
  const imprint = createHash('sha256').update(stamped).digest();
  if (!info.imprint.equals(imprint))
    throw new DerError(`a timestamp over ${imprint.toString('hex')}`, info.imprint.toString('hex'));
  const certificate = findCertificate(token);
  requireAttributes(token, certificate);
  requireSignature(signer, certificate);
  requirePurpose(certificate);
  if (!isValidAt(certificate, info.timeMs))
    throw new DerError(
      `a certificate that was valid at ${new Date(info.timeMs).toISOString()}`,
      `${subjectOf(certificate)}, which was not`,
    );
  return certificate;
}

function findCertificate({ certificates, signer }: Token): Certificate {
  const found = certificates.find(({ issuer, serial }) => issuer.equals(signer.issuer) && serial.equals(signer.serial));
  if (found === undefined) throw new DerError('the signer’s certificate in the token', `${certificates.length} others`);
  return found;
}

/** What is signed names what it is, its digest, and the certificate (RFC 5035): another one with the same key is not meant. */
function requireAttributes({ signer, infoBytes }: Token, certificate: Certificate): void {
  const { attributes } = signer;
  const type = attributes.get(ATTRIBUTE.contentType);
  if (type?.tag !== TAG.oid || oidOf(type) !== TIME_INFO)
    throw new DerError('the signed attributes of a TSTInfo', 'others');
  const expected = createHash(digestOfSigner(signer)).update(infoBytes).digest();
  const digest = attributes.get(ATTRIBUTE.messageDigest);
  if (digest?.tag !== TAG.octetString || !digest.content.equals(expected))
    throw new DerError(
      `the signed digest of the TSTInfo to be ${expected.toString('hex')}`,
      digest?.content.toString('hex') ?? 'none',
    );
  const [first, second] = [
    attributes.get(ATTRIBUTE.signingCertificate),
    attributes.get(ATTRIBUTE.signingCertificateV2),
  ];
  if (first === undefined && second === undefined)
    throw new DerError('a signed name of the signer’s certificate', 'none');
  for (const [named, isSecond] of [
    [first, false],
    [second, true],
  ] as const)
    if (named !== undefined && !isNamed(named, certificate, isSecond))
      throw new DerError('the signer’s certificate to be the one that is signed for', 'another');
}

/** The first of the certificates that are named is the signer's; version 1 names it by SHA-1, version 2 by SHA-256 unless it says otherwise. */
function isNamed(attribute: DerElement, { der }: Certificate, isSecond: boolean): boolean {
  const { content } = readElement(attribute.whole, TAG.sequence, 'a signing certificate');
  const name = new DerReader(content, 'a signing certificate').enter(TAG.sequence).enter(TAG.sequence);
  let digest: string | undefined = 'sha1';
  if (isSecond) digest = name.peek() === TAG.sequence ? DIGESTS[readAlgorithm(name)] : 'sha256';
  if (digest === undefined) return false;
  return name.next(TAG.octetString).content.equals(createHash(digest).update(der).digest());
}

function requireSignature(signer: TokenSigner, { x509 }: Certificate): void {
  const digest = digestOfSigner(signer);
  const how = SIGNATURES[signer.signatureAlgorithm];
  const { publicKey } = x509;
  if (how === undefined || (how.digest ?? digest) !== digest || publicKey.asymmetricKeyType !== how.key)
    throw new DerError(
      `a signature by RSA or ECDSA over ${digest}`,
      `${signer.signatureAlgorithm} by a key of type ${publicKey.asymmetricKeyType ?? 'unknown'}`,
    );
  const { modulusLength = RSA_BITS_MIN } = publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_BITS_MIN) throw new DerError(`a key of at least ${RSA_BITS_MIN} bits`, String(modulusLength));
  if (!verify(digest, signer.signedBytes, publicKey, signer.signature))
    throw new DerError('the token to be signed by its certificate', 'another signature');
}

function digestOfSigner({ digestAlgorithm }: TokenSigner): string {
  const digest = DIGESTS[digestAlgorithm];
  if (digest === undefined) throw new DerError('a digest by SHA-256, SHA-384 or SHA-512', digestAlgorithm);
  return digest;
}

/** A key that stamps time does nothing else, and its certificate says so in a way that nobody may overlook (RFC 3161, section 2.3). */
function requirePurpose(certificate: Certificate): void {
  const isCritical = certificate.extensions.get(EXTENSION.extendedKeyUsage)?.critical === true;
  const purposes = purposesOf(certificate) ?? [];
  if (!isCritical || purposes.length !== 1 || purposes[0] !== TIME_STAMPING)
    throw new DerError(
      'a certificate for time stamping and nothing else',
      `${isCritical ? '' : 'not critical: '}${purposes.join(', ') || 'no purpose'}`,
    );
  if (hasUsage(certificate, DIGITAL_SIGNATURE) === false && hasUsage(certificate, CONTENT_COMMITMENT) === false)
    throw new DerError('a certificate whose key may sign', 'another key usage');
  const unknown = unknownCritical(certificate);
  if (unknown !== undefined) throw new DerError('a certificate of which all is known', `critical extension ${unknown}`);
}

/** How far clocks may be apart that nobody set wrong on purpose. */
const CLOCKS_APART_MS = 5 * 60_000;

/** A time that cannot be: what is stamped was made after `fromMs`, and the token was there by `toMs`, give or take what clocks are apart. */
export function requirePlausible(timeMs: number, { fromMs, toMs }: { fromMs: number; toMs: number }): void {
  if (fromMs - CLOCKS_APART_MS <= timeMs && timeMs <= toMs + CLOCKS_APART_MS) return;
  const [at, from, to] = [timeMs, fromMs, toMs].map((ms) => new Date(ms).toISOString());
  throw new DerError(
    `a time between ${from ?? ''} and ${to ?? ''}, clocks being ${CLOCKS_APART_MS / 60_000} minutes apart at most`,
    at ?? '',
  );
}
