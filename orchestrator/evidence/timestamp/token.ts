import { type Certificate, readCertificate, readExtensions } from './certificate.ts';
import { contextTag, type DerElement, DerError, DerReader, integerOf, oidOf, readElement, TAG, timeOf } from './der.ts';

/**
 * A timestamp token (RFC 3161, section 2.4.2): a CMS SignedData (RFC 5652, section 5) with one signer, around a TSTInfo. What is read here is
 * not yet checked: check-token.ts does that.
 */
export interface Token {
  readonly info: TimeInfo;
  /** The bytes of the TSTInfo: what the signed digest is of. */
  readonly infoBytes: Buffer;
  readonly certificates: readonly Certificate[];
  readonly signer: TokenSigner;
}

/** What the authority says. */
export interface TimeInfo {
  readonly policy: string;
  readonly imprintAlgorithm: string;
  readonly imprint: Buffer;
  readonly serial: bigint;
  readonly timeMs: number;
  readonly nonce: bigint | undefined;
}

export interface TokenSigner {
  /** Name of its certificate's issuer and its serial number, in DER. */
  readonly issuer: Buffer;
  readonly serial: Buffer;
  readonly digestAlgorithm: string;
  /** What is signed: the attributes as a SET, which is how they are signed, not how they stand in the token. */
  readonly signedBytes: Buffer;
  /** The one value of each, by identifier. */
  readonly attributes: ReadonlyMap<string, DerElement>;
  readonly signatureAlgorithm: string;
  readonly signature: Buffer;
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';
export const TIME_INFO = '1.2.840.113549.1.9.16.1.4';

/** Certificates that come along: an authority's, and those above it. Ways between them are searched, so there are few. */
const CERTIFICATES_MAX = 8;

/** Reads a token that is all of these bytes. Throws DerError. */
export function readToken(bytes: Buffer): Token {
  const outer = new DerReader(readElement(bytes, TAG.sequence, 'a timestamp token').content, 'a timestamp token');
  requireEqual('a CMS SignedData', oidOf(outer.next(TAG.oid)), SIGNED_DATA);
  const data = outer.enter(contextTag(0)).enter(TAG.sequence, 'SignedData');
  outer.end();
  requireEqual('version 3 of SignedData', String(integerOf(data.next(TAG.integer))), '3');
  const digests = new DerReader(data.next(TAG.set).content, 'the digests');
  const content = data.enter(TAG.sequence, 'what is signed');
  requireEqual('a TSTInfo', oidOf(content.next(TAG.oid)), TIME_INFO);
  const infoBytes = readElement(content.next(contextTag(0)).content, TAG.octetString, 'what is signed').content;
  content.end();
  const certificates = data.nextIf(contextTag(0))?.content ?? Buffer.alloc(0);
  data.nextIf(contextTag(1));
  const signers = data.enter(TAG.set, 'the signers').rest(TAG.sequence);
  data.end();
  const [signer] = signers;
  if (signer === undefined || signers.length > 1) throw new DerError('exactly one signer', String(signers.length));
  const read = readSigner(signer.content);
  if (!readAlgorithms(digests).includes(read.digestAlgorithm))
    throw new DerError('the signer’s digest among those of the token', 'others');
  return { info: readInfo(infoBytes), infoBytes, certificates: readOwnCertificates(certificates), signer: read };
}

function readOwnCertificates(bytes: Buffer): readonly Certificate[] {
  const found = new DerReader(bytes, 'the certificates').rest(TAG.sequence);
  if (found.length > CERTIFICATES_MAX)
    throw new DerError(`at most ${CERTIFICATES_MAX} certificates`, String(found.length));
  return found.map(({ whole }) => readCertificate(whole));
}

function readInfo(bytes: Buffer): TimeInfo {
  const fields = new DerReader(readElement(bytes, TAG.sequence, 'TSTInfo').content, 'TSTInfo');
  requireEqual('version 1 of TSTInfo', String(integerOf(fields.next(TAG.integer))), '1');
  const policy = oidOf(fields.next(TAG.oid));
  const imprint = fields.enter(TAG.sequence, 'the imprint');
  const imprintAlgorithm = readAlgorithm(imprint);
  const digest = imprint.next(TAG.octetString).content;
  imprint.end();
  const serial = integerOf(fields.next(TAG.integer));
  const timeMs = timeOf(fields.next(TAG.generalizedTime));
  fields.nextIf(TAG.sequence); // How exact the time is.
  fields.nextIf(TAG.boolean); // Whether the authority orders what it stamps.
  const nonce = fields.nextIf(TAG.integer);
  fields.nextIf(contextTag(0)); // Its name, which its certificate has too.
  const extensions = fields.nextIf(contextTag(1));
  fields.end();
  requireNoneCritical(extensions);
  return {
    policy,
    imprintAlgorithm,
    imprint: digest,
    serial,
    timeMs,
    nonce: nonce === undefined ? undefined : integerOf(nonce),
  };
}

/** The tag stands for that of a sequence. */
function requireNoneCritical(extensions: DerElement | undefined): void {
  if (extensions === undefined) return;
  const found = readExtensions(Buffer.concat([Buffer.of(TAG.sequence), extensions.whole.subarray(1)]));
  const critical = [...found].find(([, extension]) => extension.critical);
  if (critical !== undefined) throw new DerError('no critical extension of TSTInfo', critical[0]);
}

function readSigner(bytes: Buffer): TokenSigner {
  const fields = new DerReader(bytes, 'the signer');
  requireEqual('a signer named by issuer and number', String(integerOf(fields.next(TAG.integer))), '1');
  const name = fields.enter(TAG.sequence, 'the signer’s name');
  const [issuer, serial] = [name.next(TAG.sequence).whole, name.next(TAG.integer).whole];
  name.end();
  const digestAlgorithm = readAlgorithm(fields);
  const signed = fields.next(contextTag(0));
  const signatureAlgorithm = readAlgorithm(fields);
  const signature = fields.next(TAG.octetString).content;
  // Nobody signs these; whoever keeps a token keeps its digest.
  fields.nextIf(contextTag(1));
  fields.end();
  const signedBytes = Buffer.concat([Buffer.of(TAG.set), signed.whole.subarray(1)]);
  return {
    issuer,
    serial,
    digestAlgorithm,
    signedBytes,
    attributes: readAttributes(signed.content),
    signatureAlgorithm,
    signature,
  };
}

function readAttributes(bytes: Buffer): ReadonlyMap<string, DerElement> {
  const found = new Map<string, DerElement>();
  for (const { content } of new DerReader(bytes, 'the signed attributes').rest(TAG.sequence)) {
    const fields = new DerReader(content, 'a signed attribute');
    const oid = oidOf(fields.next(TAG.oid));
    const values = fields.next(TAG.set).content;
    fields.end();
    if (found.has(oid)) throw new DerError('each signed attribute once', `${oid} twice`);
    found.set(oid, readElement(values, values[0] ?? 0, `attribute ${oid}`));
  }
  return found;
}

function readAlgorithms(fields: DerReader): readonly string[] {
  const found: string[] = [];
  while (fields.peek() !== undefined) found.push(readAlgorithm(fields));
  return found;
}

/** An AlgorithmIdentifier's name. Its parameters are none, or NULL, for all that is accepted. */
export function readAlgorithm(fields: DerReader): string {
  const algorithm = fields.enter(TAG.sequence, 'an algorithm');
  const oid = oidOf(algorithm.next(TAG.oid));
  algorithm.nextIf(NULL_TAG);
  algorithm.end();
  return oid;
}

const NULL_TAG = 0x05;

function requireEqual(what: string, got: string, expected: string): void {
  if (got !== expected) throw new DerError(what, got);
}
