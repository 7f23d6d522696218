import { type Certificate, EXTENSION, hasUsage, purposesOf, subjectOf } from './certificate.ts';
import { DerError, DerReader, integerOf, readElement, TAG } from './der.ts';

/** Purpose of a timestamp authority's certificate (RFC 3161, section 2.3), and of one for anything. */
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const ANY_PURPOSE = '2.5.29.37.0';

/** Longer paths than real authorities have: two or three. */
const PATH_MAX = 6;
/** Bit of the key usage that lets a certificate's key sign certificates. */
const SIGNS_CERTIFICATES = 5;

/** By these a certificate may be signed: RSA and ECDSA with SHA-256, -384, -512, RSASSA-PSS, Ed25519. With SHA-1 or MD5, somebody could have two of them signed at once. */
const STRONG: readonly string[] = [
  ...['1.2.840.113549.1.1.10', '1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13'],
  ...['1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4', '1.3.101.112'],
];

/**
 * A path from a certificate to one of those that are trusted, in which each is signed by the next, may be, and was valid at that moment
 * (RFC 5280, section 6, without name constraints and policies, which are refused where they are critical). Undefined where there is none.
 * Nobody is asked whether one was revoked: this works offline.
 */
export function findPath(
  certificate: Certificate,
  { others, trusted, atMs }: { others: readonly Certificate[]; trusted: readonly Certificate[]; atMs: number },
): readonly Certificate[] | undefined {
  const isSigned = remembered(isSignedBy509);
  const extend = (path: readonly Certificate[], last: Certificate): readonly Certificate[] | undefined => {
    if (!isValidAt(last, atMs)) return undefined;
    if (trusted.some(({ der }) => der.equals(last.der))) return path;
    if (path.length === PATH_MAX) return undefined;
    for (const next of [...trusted, ...others]) {
      if (path.includes(next) || !isSigned(last, next) || !mayIssue(next, path.length - 1)) continue;
      const found = extend([...path, next], next);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return extend([certificate], certificate);
}

export function isValidAt({ notBeforeMs, notAfterMs }: Certificate, atMs: number): boolean {
  return notBeforeMs <= atMs && atMs <= notAfterMs;
}

/** Whoever does not know a critical extension must not rely on its certificate. */
export function unknownCritical({ extensions }: Certificate): string | undefined {
  const known: readonly string[] = Object.values(EXTENSION);
  return [...extensions].find(([oid, { critical }]) => critical && !known.includes(oid))?.[0];
}

/** Each two are compared once, however many ways lead over them: whoever sends certificates that all sign each other must not keep a run waiting. */
function remembered(ask: (one: Certificate, by: Certificate) => boolean): typeof ask {
  const answers = new Map<Certificate, Map<Certificate, boolean>>();
  return (one, by) => {
    const known = answers.get(one) ?? new Map<Certificate, boolean>();
    answers.set(one, known);
    const answer = known.get(by) ?? ask(one, by);
    known.set(by, answer);
    return answer;
  };
}

function isSignedBy509(certificate: Certificate, by: Certificate): boolean {
  if (!STRONG.includes(certificate.signedBy)) return false;
  try {
    return certificate.x509.checkIssued(by.x509) && certificate.x509.verify(by.x509.publicKey);
  } catch {
    return false;
  }
}

/** An authority's certificate, for this purpose, with so many other authorities below it. */
function mayIssue(certificate: Certificate, below: number): boolean {
  const purposes = purposesOf(certificate);
  const isForTime = purposes === undefined || purposes.includes(TIME_STAMPING) || purposes.includes(ANY_PURPOSE);
  const mostBelow = pathLength(certificate);
  return (
    isForTime &&
    hasUsage(certificate, SIGNS_CERTIFICATES) !== false &&
    unknownCritical(certificate) === undefined &&
    mostBelow !== undefined &&
    below <= mostBelow
  );
}

/** How many authorities may stand below this one; undefined where it is none. */
function pathLength(certificate: Certificate): number | undefined {
  const extension = certificate.extensions.get(EXTENSION.basicConstraints);
  if (extension === undefined) return undefined;
  const fields = new DerReader(
    readElement(extension.value, TAG.sequence, 'basic constraints').content,
    'basic constraints',
  );
  if (fields.nextIf(TAG.boolean)?.content[0] !== 0xff) return undefined;
  const most = fields.nextIf(TAG.integer);
  fields.end();
  return most === undefined ? Infinity : Number(integerOf(most));
}

/** The path, or why there is none. */
export function requirePath(...[certificate, how]: Parameters<typeof findPath>): readonly Certificate[] {
  const path = findPath(certificate, how);
  if (path !== undefined) return path;
  const names = how.trusted.map(subjectOf).join(' or ');
  throw new DerError(
    `certificates from ${subjectOf(certificate)} to ${names}, valid at ${new Date(how.atMs).toISOString()}`,
    'none',
  );
}
