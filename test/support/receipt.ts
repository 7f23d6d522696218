import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ReceiptStatement } from '../../orchestrator/evidence/format/receipt.ts';

/** Ports of this host that a run had, as its receipt has them. */
export async function portsOf(bundle: string): Promise<number[]> {
  const text = await readFile(join(bundle, 'receipt.json'), 'utf8');
  const { ids } = ReceiptStatement.parse(JSON.parse(text)).predicate;
  return ids.filter(({ kind }) => kind === 'port').map(({ detail }) => Number(detail['port']));
}
