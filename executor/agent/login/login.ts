import type { Grant } from '../../protocol/grant.ts';
import type { Guest } from '../guest.ts';
import { parseCertificate } from './certificate.ts';
import { readFacts } from './facts.ts';
import { readGrant } from './grant.ts';
import { readPresented } from './presented.ts';
import { checkCertificate } from './rules.ts';

/** Who is here and what they may do. Everything in it was signed by the CA. */
export interface Login {
  readonly grant: Grant;
  readonly keyId: string;
  /** Decimal: 64 bits do not fit a number. */
  readonly serial: string;
  /** Unix seconds; the grant's or the certificate's end, whichever comes first. */
  readonly endsAt: number;
}

/** Finds out who logged in and what was granted: nothing but the certificate and the machine's own facts is asked. Throws LoginRefused. */
export function readLogin(guest: Guest, authenticationFile: string | undefined): Login {
  const facts = readFacts(guest);
  const certificate = parseCertificate(readPresented(authenticationFile));
  checkCertificate(certificate, facts, Math.floor(guest.now() / 1000));
  const grant = readGrant(certificate, facts);
  const { keyId, serial, validBefore } = certificate;
  return { grant, keyId, serial: serial.toString(), endsAt: Math.min(grant.expires_at, Number(validBefore)) };
}
