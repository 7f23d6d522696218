import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import ssh2, { type Client, type ParsedKey } from 'ssh2';
import ssh2Utils from 'ssh2/lib/protocol/utils.js';
import { CERTIFICATE_TYPE, certificateBlob } from '../ca/certificate.ts';
import { ED25519, publicKeyLine, rawPublicKey } from '../ca/public-key.ts';
import { writeString } from '../../executor/protocol/index.ts';

/*
 * ssh2 1.17.0 cannot log in with a certificate: its authPK writes the certificate's algorithm name inside the signature, where OpenSSH
 * wants the plain key's. This file replaces that one method on one client, and is the only one that touches ssh2's inside.
 * test/contract/relay-login.test.ts holds it against a real sshd; look here first when ssh2 is updated.
 */

/** SSH_MSG_USERAUTH_REQUEST, RFC 4252 section 6. */
const USERAUTH_REQUEST = 50;

/** The login as ssh2's `authHandler` takes it. */
export interface CertificateLogin {
  readonly type: 'publickey';
  readonly username: string;
  readonly key: ParsedKey;
}

/** Makes the login of a user with a certificate; the private key stays behind its handle. */
export function certificateLogin(username: string, privateKey: KeyObject, certificateLine: string): CertificateLogin {
  const blob = certificateBlob(certificateLine);
  const base: unknown = ssh2.utils.parseKey(publicKeyLine(rawPublicKey(createPublicKey(privateKey))));
  if (base instanceof Error) throw base;
  const key = Object.create(base as object, {
    type: { value: CERTIFICATE_TYPE },
    getPublicSSH: { value: () => blob },
    isPrivateKey: { value: () => true },
    sign: { value: (data: Buffer) => sign(null, data, privateKey) },
  }) as ParsedKey;
  return { type: 'publickey', username, key };
}

/**
 * Replaces authPK on a client whose connect() was just called. The request is signed at once, without the question whether the key would do
 * (RFC 4252 section 7 allows both), which saves a round trip.
 */
export function useCertificateAuth(client: Client): void {
  const protocol = protocolOf(client);
  protocol.authPK = (username, key) => {
    const request = Buffer.concat([
      Buffer.from([USERAUTH_REQUEST]),
      writeString(username),
      writeString('ssh-connection'),
      writeString('publickey'),
      Buffer.from([1]),
      writeString(CERTIFICATE_TYPE),
      writeString(key.getPublicSSH()),
    ]);
    const signature = key.sign(Buffer.concat([writeString(protocol._kex.sessionID), request]));
    const wire = writeString(Buffer.concat([writeString(ED25519), writeString(signature)]));
    sendPayload(protocol, Buffer.concat([request, wire]));
  };
}

/** Tells whether both sides do strict key exchange (the answer to CVE-2023-48795). Known once the handshake is over. */
export function hasStrictKeyExchange(client: Client): boolean {
  return protocolOf(client)._strictMode === true;
}

/** The part of ssh2's Protocol that is used here. */
interface Ssh2Protocol {
  authPK: (username: string, key: ParsedKey) => void;
  readonly _kex: { readonly sessionID: Buffer };
  readonly _strictMode: boolean | undefined;
  readonly _authsQueue: string[];
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      alloc(length: number): Uint8Array;
      finalize(packet: Uint8Array): Uint8Array;
    };
  };
}

function protocolOf(client: Client): Ssh2Protocol {
  return (client as unknown as { readonly _protocol: Ssh2Protocol })._protocol;
}

function sendPayload(protocol: Ssh2Protocol, payload: Buffer): void {
  const { write } = protocol._packetRW;
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  protocol._authsQueue.push('publickey');
  ssh2Utils.sendPacket(protocol, write.finalize(packet));
}
