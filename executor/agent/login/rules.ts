import { isSignedBy } from './ca-key.ts';
import type { Certificate } from './certificate.ts';
import type { Facts } from './facts.ts';
import { LOGIN_KINDS, type LoginKind } from './kinds.ts';
import { LoginRefused } from './refused.ts';

/** One rule: throws LoginRefused when the certificate breaks it. */
type Rule = (certificate: Certificate, facts: Facts, nowSeconds: number) => void;

/** The program that sshd must have been told to run: this one. */
export const FORCED_COMMAND = '/usr/local/bin/agent-exec';

/** Asked in this order: first whether to believe the certificate, then whether it is for here and now, then what it may carry. */
const RULES: readonly Rule[] = [
  isSignedByTheCa,
  isForUsers,
  hasSerial,
  namesThisMachineOnly,
  isValidNow,
  hasExactlyTheCriticalOptions,
  hasExactlyTheExtensions,
];

/**
 * Checks a certificate again, as sshd did before: sshd and this program share no code, so a defect in one is not a way in.
 * Returns what it is for. Throws LoginRefused at the first rule that is broken.
 */
export function checkCertificate(certificate: Certificate, facts: Facts, nowSeconds: number): LoginKind {
  for (const rule of RULES) rule(certificate, facts, nowSeconds);
  return kindOf(certificate, facts);
}

/** The kind whose principal of this machine the certificate names, and no other name beside it. */
function kindOf({ principals }: Certificate, { machineId }: Facts): LoginKind {
  const kind = KINDS.find((name) => `${LOGIN_KINDS[name].principalPrefix}${machineId}` === principals[0]);
  if (kind !== undefined && principals.length === 1) return kind;
  const got = principals.length === 1 ? 'another principal' : `${principals.length} principals`;
  const expected = `one principal of ${machineId}`;
  throw new LoginRefused('LOGIN_WRONG_MACHINE', expected, got, 'mint a certificate for this machine');
}

const KINDS = Object.keys(LOGIN_KINDS) as LoginKind[];

function isSignedByTheCa({ caKey, signed, signature }: Certificate, facts: Facts): void {
  if (!caKey.equals(facts.caKey)) throw untrusted('another CA');
  if (!isSignedBy(facts.caKey, signed, signature)) throw untrusted('a signature that does not verify');
}

function isForUsers({ type }: Certificate): void {
  if (type !== 1) throw invalid('a user certificate', 'another type');
}

/** A certificate is used once, by its serial; zero means "has none". */
function hasSerial({ serial }: Certificate): void {
  if (serial === 0n) throw invalid('a serial', 'none');
}

function namesThisMachineOnly(certificate: Certificate, facts: Facts): void {
  kindOf(certificate, facts);
}

function isValidNow({ validAfter, validBefore }: Certificate, _facts: Facts, nowSeconds: number): void {
  const now = BigInt(nowSeconds);
  if (now < validAfter) {
    const early = `${validAfter - now} s too early`;
    throw new LoginRefused('LOGIN_CERTIFICATE_NOT_YET_VALID', 'a certificate valid now', early, CLOCK_HINT);
  }
  if (now >= validBefore) {
    const late = `${now - validBefore} s too late`;
    throw new LoginRefused('LOGIN_CERTIFICATE_EXPIRED', 'a certificate valid now', late, CLOCK_HINT);
  }
}

function hasExactlyTheCriticalOptions({ criticalOptions }: Certificate): void {
  const names = [...criticalOptions.keys()].join(',');
  if (names !== 'force-command,source-address') {
    throw invalid('the critical options force-command,source-address', `${criticalOptions.size} options`);
  }
  if (criticalOptions.get('force-command') !== FORCED_COMMAND) {
    throw invalid(`force-command ${FORCED_COMMAND}`, 'another command');
  }
  if (criticalOptions.get('source-address') === '') throw invalid('a source-address', 'none');
}

function hasExactlyTheExtensions(certificate: Certificate, facts: Facts): void {
  const names = [...certificate.extensions.keys()].join(',');
  const allowed = LOGIN_KINDS[kindOf(certificate, facts)].extensions.map((set) => set.join(','));
  if (allowed.includes(names)) return;
  throw invalid(`the extensions [${allowed.join('] or [')}]`, `${certificate.extensions.size} extensions`);
}

const CLOCK_HINT = "compare the relay's and the sandbox's clocks, then mint a new certificate";

function untrusted(got: string): LoginRefused {
  return new LoginRefused(
    'LOGIN_CERTIFICATE_UNTRUSTED',
    "a certificate of this sandbox's CA",
    got,
    'mint it with the right CA',
  );
}

function invalid(expected: string, got: string): LoginRefused {
  return new LoginRefused('LOGIN_CERTIFICATE_INVALID', expected, got, 'the certificate is not one that our CA writes');
}
