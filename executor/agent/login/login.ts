import type { Grant } from '../../protocol/grant.ts';
import type { Guest } from '../guest.ts';
import { parseCertificate, type Certificate } from './certificate.ts';
import { readFacts, type Facts } from './facts.ts';
import { readGrant } from './grant.ts';
import { readPresented } from './presented.ts';
import { LoginRefused } from './refused.ts';
import { checkCertificate } from './rules.ts';

/** Who is here and what they may do. Everything in it was signed by the CA. */
export type Login = TaskLogin | RevokeLogin;

interface CommonLogin {
  readonly keyId: string;
  /** Decimal: 64 bits do not fit a number. */
  readonly serial: string;
  /** Unix seconds; the grant's or the certificate's end, whichever comes first. */
  readonly endsAt: number;
  /** Key of the CA that signed all this, in its SSH form. */
  readonly caBlob: Buffer;
}

/** The login that carries out actions. */
export interface TaskLogin extends CommonLogin {
  readonly kind: 'task';
  readonly grant: Grant;
}

/** The login that tells sshd which certificates are over. */
export interface RevokeLogin extends CommonLogin {
  readonly kind: 'revoke';
  readonly runId: string;
}

/** Finds out who logged in and what was granted: nothing but the certificate and the machine's own facts is asked. Throws LoginRefused. */
export function readLogin(guest: Guest, authenticationFile: string | undefined): Login {
  const facts = readFacts(guest);
  const certificate = parseCertificate(readPresented(authenticationFile));
  const kind = checkCertificate(certificate, facts, Math.floor(guest.now() / 1000));
  const { keyId, serial, validBefore } = certificate;
  const common = { keyId, serial: serial.toString(), endsAt: Number(validBefore), caBlob: facts.caBlob };
  if (kind === 'revoke') return { ...common, kind, runId: readRun(certificate, facts) };
  const grant = readGrant(certificate, facts);
  return { ...common, kind, grant, endsAt: Math.min(grant.expires_at, common.endsAt) };
}

/** A login to revoke has no grant: its run is in the key id. */
function readRun({ keyId }: Certificate, { machineId }: Facts): string {
  const [, runId, machine] = /^run=([0-9a-f]{12}):revoke=(.+)$/.exec(keyId) ?? [];
  if (runId !== undefined && machine === machineId) return runId;
  throw new LoginRefused(
    'LOGIN_CERTIFICATE_INVALID',
    'a key id with the run and this machine',
    'another key id',
    'the certificate is not one that our CA writes',
  );
}
