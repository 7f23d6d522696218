import { GRANT_EXTENSION } from '../../protocol/grant.ts';
import { isSignedBy } from './ca-key.ts';
import type { Certificate } from './certificate.ts';
import type { Facts } from './facts.ts';
import { LoginRefused } from './refused.ts';

/** One rule: throws LoginRefused when the certificate breaks it. */
type Rule = (certificate: Certificate, facts: Facts, nowSeconds: number) => void;

/** The program that sshd must have been told to run: this one. */
export const FORCED_COMMAND = '/usr/local/bin/agent-exec';

/** Asked in this order: first whether to believe the certificate, then whether it is for here and now, then what it may carry. */
const RULES: readonly Rule[] = [
  isSignedByTheCa,
  isForUsers,
  namesThisMachineOnly,
  isValidNow,
  hasExactlyTheCriticalOptions,
  hasExactlyTheGrant,
];

/**
 * Checks a certificate again, as sshd did before: sshd and this program share no code, so a defect in one is not a way in.
 * Throws LoginRefused at the first rule that is broken.
 */
export function checkCertificate(certificate: Certificate, facts: Facts, nowSeconds: number): void {
  for (const rule of RULES) rule(certificate, facts, nowSeconds);
}

function isSignedByTheCa({ caKey, signed, signature }: Certificate, facts: Facts): void {
  if (!caKey.equals(facts.caKey)) throw untrusted('another CA');
  if (!isSignedBy(facts.caKey, signed, signature)) throw untrusted('a signature that does not verify');
}

function isForUsers({ type }: Certificate): void {
  if (type !== 1) throw invalid('a user certificate', 'another type');
}

function namesThisMachineOnly({ principals }: Certificate, { machineId }: Facts): void {
  const expected = `sandbox-${machineId}`;
  if (principals.length === 1 && principals[0] === expected) return;
  const got = principals.length === 1 ? 'another principal' : `${principals.length} principals`;
  throw new LoginRefused(
    'LOGIN_WRONG_MACHINE',
    `the one principal ${expected}`,
    got,
    'mint a certificate for this machine',
  );
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

function hasExactlyTheGrant({ extensions }: Certificate): void {
  if (extensions.size !== 1 || !extensions.has(GRANT_EXTENSION)) {
    throw invalid(`the one extension ${GRANT_EXTENSION}`, `${extensions.size} extensions`);
  }
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
