import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ReceiptPredicate, ReceiptStatement } from '../../orchestrator/evidence/format/receipt.ts';
import { requireShape } from '../../orchestrator/evidence/format/shape.ts';

/** What the receipt of a bundle says. */
export async function receiptOf(bundle: string): Promise<ReceiptPredicate> {
  const text = await readFile(join(bundle, 'receipt.json'), 'utf8');
  return requireShape(ReceiptStatement, JSON.parse(text)).predicate;
}

/** Ports of this host that a run had, as its receipt has them. */
export async function portsOf(bundle: string): Promise<number[]> {
  const { ids } = await receiptOf(bundle);
  return ids.filter(({ kind }) => kind === 'port').map(({ detail }) => Number(detail['port']));
}
