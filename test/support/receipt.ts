import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ReceiptStatement } from '../../orchestrator/evidence/format/receipt.ts';
import { requireShape } from '../../orchestrator/evidence/format/shape.ts';

/** Ports of this host that a run had, as its receipt has them. */
export async function portsOf(bundle: string): Promise<number[]> {
  const text = await readFile(join(bundle, 'receipt.json'), 'utf8');
  const { ids } = requireShape(ReceiptStatement, JSON.parse(text)).predicate;
  return ids.filter(({ kind }) => kind === 'port').map(({ detail }) => Number(detail['port']));
}
