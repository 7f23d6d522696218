import { createPublicKey, type KeyObject } from 'node:crypto';
import { readCertificateLine, type Certificate } from '../ca/certificate.ts';
import { parsePublicKeyLine, publicKeyBlob, rawPublicKey } from '../ca/public-key.ts';
import { violation } from './errors.ts';
import type { RelayHost, RelayHostAddress } from './relay-host.ts';

/** Where the sandbox's sshd listens: a TCP port, reached directly or through the relay host, or a unix socket. */
export type Address =
  { readonly host: string; readonly port: number; readonly via?: RelayHostAddress } | { readonly path: string };

/** Everything needed to log in once. */
export interface Login {
  readonly address: Address;
  /** The way through the relay host, for addresses that lie behind it. */
  readonly relayHost?: RelayHost | undefined;
  /** The host key the sandbox said over its console, `ssh-ed25519 AAAA…`. No other is accepted. */
  readonly hostKey: string;
  readonly username: string;
  readonly privateKey: KeyObject;
  /** The run's certificate, `ssh-ed25519-cert-v01@openssh.com AAAA…`. */
  readonly certificateLine: string;
  /** What is asked of sshd: the forced command is told, and decides. Without it, the executor. */
  readonly command?: string;
}

/** A login made exact. */
export interface ParsedLogin extends Login {
  readonly hostKeyBlob: Buffer;
  readonly certificate: Certificate;
}

/** Reads keys and certificate before anything is opened. Throws CaError on text that is neither, RelayError on a key that is not the certificate's. */
export function parseLogin(login: Login): ParsedLogin {
  const certificate = readCertificateLine(login.certificateLine);
  if (!rawPublicKey(createPublicKey(login.privateKey)).equals(certificate.subjectKey)) {
    throw violation("the certificate's own private key", 'another key');
  }
  return { ...login, certificate, hostKeyBlob: publicKeyBlob(parsePublicKeyLine(login.hostKey)) };
}
