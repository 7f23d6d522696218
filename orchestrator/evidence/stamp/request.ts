import { createHash } from 'node:crypto';
import { DerReader, integerOf, readElement, TAG } from '../timestamp/der.ts';
import { SHA256_OID } from '../timestamp/check-token.ts';
import { writeElement, writeInteger, writeOid } from './write-der.ts';

/** What a timestamp is asked for (RFC 3161, section 2.4.1): a SHA-256, a number used once, a policy or the authority's own, and its certificates along with it. */
export function writeRequest(
  stamped: Uint8Array,
  { nonce, policy }: { nonce: bigint; policy?: string | undefined },
): Buffer {
  const digest = createHash('sha256').update(stamped).digest();
  const algorithm = writeElement(TAG.sequence, writeOid(SHA256_OID), Buffer.of(0x05, 0x00));
  return writeElement(
    TAG.sequence,
    writeInteger(1n),
    writeElement(TAG.sequence, algorithm, writeElement(TAG.octetString, digest)),
    ...(policy === undefined ? [] : [writeOid(policy)]),
    writeInteger(nonce),
    writeElement(TAG.boolean, Buffer.of(0xff)),
  );
}

/** What came back: the token, or why there is none. */
export type TimestampAnswer = { readonly token: Buffer } | { readonly refused: string };

/** Reads an answer (section 2.4.2). Throws DerError. */
export function readAnswer(bytes: Buffer): TimestampAnswer {
  const answer = new DerReader(
    readElement(bytes, TAG.sequence, 'a timestamp response').content,
    'a timestamp response',
  );
  const status = answer.enter(TAG.sequence, 'the status');
  const number = Number(integerOf(status.next(TAG.integer)));
  const texts =
    status
      .nextIf(TAG.sequence)
      ?.content.toString('latin1')
      .replaceAll(/[^\x20-\x7e]+/g, ' ')
      .trim() ?? '';
  const failure = status.nextIf(TAG.bitString);
  status.end();
  if (!GRANTED.includes(number))
    return { refused: [`status ${number}`, reasonsOf(failure?.content), texts].filter((one) => one !== '').join(', ') };
  const token = answer.next(TAG.sequence).whole;
  answer.end();
  return { token };
}

/** Granted, and granted with changes: what must not be changed is in the token, and checked there. */
const GRANTED = [0, 1];

/** By bit of PKIFailureInfo. */
const REASONS: Readonly<Record<number, string>> = {
  0: 'algorithm not supported',
  2: 'request not permitted',
  5: 'request not understood',
  14: 'its clock is not available',
  15: 'policy not supported',
  16: 'extension not supported',
  17: 'additional information not available',
  25: 'system failure',
};

function reasonsOf(bits: Buffer | undefined): string {
  const isSet = (bit: number): boolean => ((bits?.[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0;
  return Object.entries(REASONS)
    .flatMap(([bit, text]) => (isSet(Number(bit)) ? [text] : []))
    .join(', ');
}
