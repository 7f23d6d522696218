import { verify, type KeyObject } from 'node:crypto';
import { object, oneOf, onlyOne, type Read } from '../format/shape.ts';
import { Base64, Sha256 } from '../format/values.ts';
import { oneFormOf } from './p256.ts';

/** The payload type of in-toto statements; it is part of what is signed. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** A DSSE envelope with one signature: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md */
export const Envelope = object({
  payloadType: oneOf([PAYLOAD_TYPE]),
  payload: Base64,
  signatures: onlyOne(object({ keyid: Sha256, sig: Base64 })),
});
export type Envelope = Read<typeof Envelope>;

/** The bytes that are signed: DSSE's pre-authentication encoding, in which no part can run into the next. */
export function preAuthEncoding(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload]);
}

/** Puts a payload and its signature together. */
export function envelope(payload: Uint8Array, keyid: string, signature: Uint8Array): Envelope {
  return {
    payloadType: PAYLOAD_TYPE,
    payload: Buffer.from(payload).toString('base64'),
    signatures: [{ keyid, sig: Buffer.from(signature).toString('base64') }],
  };
}

/** The payload, as bytes; undefined where its base64 is not in the one form there is. */
export function payloadOf(signed: Envelope): Buffer | undefined {
  return decode(signed.payload);
}

/** Tells whether this key signed exactly this payload. */
export function isSignedBy(signed: Envelope, key: KeyObject): boolean {
  const payload = decode(signed.payload);
  const signature = decode(signed.signatures[0].sig);
  if (payload === undefined || signature === undefined || !isInOneForm(signature, key)) return false;
  return verify(signedDigest(key), preAuthEncoding(payload), key, signature);
}

/** P-256 signs a SHA-256 (its signature in DER, as other tools of this format have it); ed25519 hashes by itself. */
function signedDigest(key: KeyObject): string | null {
  return key.asymmetricKeyType === 'ec' ? 'sha256' : null;
}

/** ed25519 has one signature per message and key; of P-256's two, one is taken. */
function isInOneForm(signature: Buffer, key: KeyObject): boolean {
  return key.asymmetricKeyType !== 'ec' || oneFormOf(signature)?.equals(signature) === true;
}

/** Decodes base64 and refuses texts that decode to the same bytes without being the text those bytes encode to. */
function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
