import { join } from 'node:path';
import { canonicalJson } from '../../executor/protocol/index.ts';
import { readIfThere } from './durable.ts';
import { RECEIPT_FILES } from './format/names.ts';
import { type ReceiptPredicate, ReceiptStatement } from './format/receipt.ts';
import { Envelope, isSignedBy, payloadOf } from './keys/dsse.ts';
import type { PublicKey } from './keys/public-key.ts';
import { readCanonical } from './read-canonical.ts';

/** A signed receipt. */
export interface Receipt {
  readonly predicate: ReceiptPredicate;
  readonly keyId: string;
}

/** The receipt in a folder, if it is whole and this key signed it; undefined otherwise. */
export async function readReceipt(dir: string, key: PublicKey): Promise<Receipt | undefined> {
  const [statementBytes, envelopeBytes, pem] = await Promise.all(
    [RECEIPT_FILES.statement, RECEIPT_FILES.envelope, RECEIPT_FILES.key].map((name) => readIfThere(join(dir, name))),
  );
  if (statementBytes === undefined || envelopeBytes === undefined || pem?.toString() !== key.pem) return undefined;
  const statement = readCanonical(statementBytes, ReceiptStatement);
  const envelope = readCanonical(envelopeBytes, Envelope);
  if ('problem' in statement || 'problem' in envelope || !isSignedBy(envelope.value, key.key)) return undefined;
  if (payloadOf(envelope.value)?.toString() !== canonicalJson(statement.value)) return undefined;
  return { predicate: statement.value.predicate, keyId: key.keyId };
}
