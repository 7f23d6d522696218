/** The order of P-256 (SEC 2, section 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * A P-256 signature (r, s) is as good with ORDER - s in place of s, and DER has more than one way to write a number for whoever reads it
 * loosely: so there would be a second signature over the same statement, made by somebody without the key. The one form has the smaller s
 * and the shortest DER. Returns that form; undefined for bytes that are no such signature.
 */
export function oneFormOf(signature: Uint8Array): Buffer | undefined {
  const [r, s] = readDer(Buffer.from(signature)) ?? [];
  if (r === undefined || s === undefined) return undefined;
  return writeDer(r, s > ORDER / 2n ? ORDER - s : s);
}

/** SEQUENCE of two INTEGERs, each length in one byte: longer ones a P-256 signature never needs. */
function readDer(der: Buffer): readonly [bigint, bigint] | undefined {
  const numbers: bigint[] = [];
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined;
  for (let at = 2; at < der.length; at += 2 + (der[at + 1] ?? 0)) {
    const bytes = der.subarray(at + 2, at + 2 + (der[at + 1] ?? 0));
    if (der[at] !== INTEGER || bytes.length === 0 || bytes.length !== der[at + 1]) return undefined;
    numbers.push(BigInt(`0x${bytes.toString('hex')}`));
  }
  const [r, s] = numbers;
  if (r === undefined || s === undefined || numbers.length > 2) return undefined;
  return numbers.every((number) => number > 0n && number < ORDER) ? [r, s] : undefined;
}

function writeDer(...numbers: readonly bigint[]): Buffer {
  const parts = numbers.map((number) => {
    const digits = number.toString(16);
    const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
    // A first bit that is set would make it negative.
    const signed = (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
    return Buffer.concat([Buffer.of(INTEGER, signed.length), signed]);
  });
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(SEQUENCE, body.length), body]);
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
