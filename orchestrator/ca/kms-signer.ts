import type { KmsKey } from '../../infra/index.ts';
import { caKeyLine, rawCaKey, SIGNATURE_BYTES } from './ca-key.ts';
import { malformed } from './wire.ts';
import type { Signer } from './signer.ts';

/** A CA whose key lies in KMS. What comes back is checked by whoever mints, as with any signer. */
export function kmsSigner(key: KmsKey): Signer {
  const publicKeyLine = caKeyLine(rawCaKey(key.publicKey));
  const isEcdsa = key.publicKey.asymmetricKeyType === 'ec';
  return {
    publicKeyLine,
    sign: async (data, signal) => {
      const signature = await key.sign(data, signal);
      return isEcdsa ? rawOfDer(signature) : signature;
    },
  };
}

/** An ECDSA signature in DER (RFC 3279: two INTEGERs in a SEQUENCE) as r and s of 32 bytes each. */
function rawOfDer(der: Buffer): Buffer {
  const sequence = takeElement(der, 0, SEQUENCE);
  const r = takeElement(der, sequence.start, INTEGER);
  const s = takeElement(der, r.end, INTEGER);
  if (s.end !== der.length || sequence.end !== der.length) throw notDer();
  return Buffer.concat([r, s].map(({ start, end }) => padded(der.subarray(start, end))));
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const SCALAR_BYTES = SIGNATURE_BYTES / 2;

/** An ECDSA signature of P-256 is shorter than 128 bytes, so every length is one byte. */
function takeElement(der: Buffer, at: number, tag: number): { start: number; end: number } {
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  if (der[at] !== tag || length === 0 || length >= 0x80 || end > der.length) throw notDer();
  return { start: at + 2, end };
}

function padded(integer: Buffer): Buffer {
  const digits = integer[0] === 0 ? integer.subarray(1) : integer;
  if (digits.length > SCALAR_BYTES) throw notDer();
  return Buffer.concat([Buffer.alloc(SCALAR_BYTES - digits.length), digits]);
}

function notDer(): Error {
  return malformed('an ECDSA signature in DER', 'other bytes');
}
