import { X509Certificate } from 'node:crypto';
import { contextTag, type DerElement, DerError, DerReader, oidOf, readElement, TAG, timeOf } from './der.ts';

/** A certificate (RFC 5280), with what Node's own class does not tell. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly der: Buffer;
  /** Of its issuer: name and serial number, in DER. */
  readonly issuer: Buffer;
  readonly serial: Buffer;
  /** By which algorithm its issuer signed it. */
  readonly signedBy: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: ReadonlyMap<string, Extension>;
}

export interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

export const EXTENSION = {
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** Reads one certificate. Throws DerError, or what Node's own reader throws. */
export function readCertificate(der: Buffer): Certificate {
  const outer = new DerReader(readElement(der, TAG.sequence, 'a certificate').content, 'a certificate');
  const fields = outer.enter(TAG.sequence, 'what a certificate says');
  const signedBy = oidOf(outer.enter(TAG.sequence).next(TAG.oid));
  outer.next(TAG.bitString);
  outer.end();
  fields.nextIf(contextTag(0));
  const serial = fields.next(TAG.integer).whole;
  fields.next(TAG.sequence);
  const issuer = fields.next(TAG.sequence).whole;
  const validity = fields.enter(TAG.sequence, 'a validity');
  const [notBeforeMs, notAfterMs] = [nextTime(validity), nextTime(validity)];
  validity.end();
  fields.next(TAG.sequence);
  fields.next(TAG.sequence);
  const extensions = fields.nextIf(contextTag(3));
  fields.end();
  return {
    x509: new X509Certificate(der),
    ...{ der, issuer, serial, signedBy, notBeforeMs, notAfterMs },
    extensions: extensions === undefined ? new Map() : readExtensions(extensions.content),
  };
}

/** The certificates of a PEM file, in which nothing but certificates and comments may stand; undefined where there is none, or one that cannot be read. */
export function parseCertificates(pem: string): readonly Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN [A-Z0-9 ]+-----[^-]*-----END [A-Z0-9 ]+-----/g) ?? [];
  try {
    const certificates = blocks.map((block) => readCertificate(new X509Certificate(block).raw));
    return certificates.length === 0 ? undefined : certificates;
  } catch {
    return undefined;
  }
}

/** Extensions by their identifier; one that stands there twice is refused. */
export function readExtensions(bytes: Buffer): ReadonlyMap<string, Extension> {
  const found = new Map<string, Extension>();
  for (const { content } of new DerReader(readElement(bytes, TAG.sequence, 'extensions').content, 'extensions').rest(
    TAG.sequence,
  )) {
    const fields = new DerReader(content, 'an extension');
    const oid = oidOf(fields.next(TAG.oid));
    const critical = fields.nextIf(TAG.boolean);
    const value = fields.next(TAG.octetString).content;
    fields.end();
    if (found.has(oid)) throw new DerError('each extension once', `${oid} twice`);
    found.set(oid, { critical: critical !== undefined && isTrue(critical), value });
  }
  return found;
}

/** What a certificate's key may be used for, as identifiers; undefined where it does not say. */
export function purposesOf({ extensions }: Certificate): readonly string[] | undefined {
  const extension = extensions.get(EXTENSION.extendedKeyUsage);
  if (extension === undefined) return undefined;
  const { content } = readElement(extension.value, TAG.sequence, 'an extended key usage');
  return new DerReader(content, 'an extended key usage').rest(TAG.oid).map(oidOf);
}

/** Tells whether a bit of its key usage is set (RFC 5280, section 4.2.1.3); undefined where it has none. */
export function hasUsage({ extensions }: Certificate, bit: number): boolean | undefined {
  const extension = extensions.get(EXTENSION.keyUsage);
  if (extension === undefined) return undefined;
  // The first byte counts the bits that are unused at the end: those are zero in DER.
  const { content } = readElement(extension.value, TAG.bitString, 'a key usage');
  return ((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
}

/** A name as people read it. */
export function subjectOf({ x509 }: Certificate): string {
  return x509.subject.split('\n').join(', ');
}

function nextTime(fields: DerReader): number {
  return timeOf(fields.nextIf(TAG.utcTime) ?? fields.next(TAG.generalizedTime));
}

/** False is the default, which DER leaves out; certificates in use spell it out all the same. */
function isTrue({ content }: DerElement): boolean {
  const [value] = content;
  if (content.length !== 1 || (value !== 0 && value !== 0xff))
    throw new DerError('true or false', content.toString('hex'));
  return value === 0xff;
}
