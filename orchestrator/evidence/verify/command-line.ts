import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parsePublicKeys, type PublicKey } from '../keys/public-key.ts';
import { type Certificate, parseCertificates } from '../timestamp/certificate.ts';
import { linesOf, reportOf } from './report.ts';
import { verifyBundle } from './verify-bundle.ts';

const USAGE = `usage: node verify.mjs BUNDLE [--evidence-key FILE] [--receipt-key FILE] [--tsa-ca FILE] [--json]
  BUNDLE              the folder of one run's evidence
  --evidence-key FILE public keys (SPKI PEM) of those who may seal evidence
  --receipt-key FILE  public keys (SPKI PEM) of those who may sign that a sandbox was destroyed
  --tsa-ca FILE       certificates (PEM) of the authorities whose timestamps count
  --json              print one JSON document
Exit: 0 verified, 64 wrong command line, 66 no such file, 81 not verified`;

/** The command line of verify.mjs: prints what was checked and resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const asked = readArguments(args);
  if (asked === undefined) {
    console.error(USAGE);
    return 64;
  }
  try {
    const trust = { evidence: await readKeys(asked.evidenceKey), receipt: await readKeys(asked.receiptKey) };
    const authorities = await readCertificates(asked.tsaCa);
    const report = reportOf(asked.folder, await verifyBundle(asked.folder, { trust, authorities }));
    for (const line of asked.isJson ? [JSON.stringify(report)] : linesOf(report)) console.log(printable(line));
    return report.verdict === 'verified' ? 0 : 81;
  } catch (error) {
    console.error(printable(error instanceof Error ? error.message : String(error)));
    return 66;
  }
}

function readArguments(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'evidence-key': { type: 'string' },
        'receipt-key': { type: 'string' },
        'tsa-ca': { type: 'string' },
        json: { type: 'boolean' },
      },
    });
    const [folder] = positionals;
    if (folder === undefined || positionals.length > 1) return undefined;
    return {
      folder,
      evidenceKey: values['evidence-key'],
      receiptKey: values['receipt-key'],
      tsaCa: values['tsa-ca'],
      isJson: values.json === true,
    };
  } catch {
    return undefined;
  }
}

/** No file named means that nobody is trusted; a file without keys is a mistake. */
async function readKeys(file: string | undefined): Promise<readonly PublicKey[]> {
  if (file === undefined) return [];
  const keys = parsePublicKeys(await readFile(file, 'latin1'));
  if (keys !== undefined && keys.length > 0) return keys;
  throw new Error(`expected public keys (SPKI PEM) in ${file}, got something else`);
}

async function readCertificates(file: string | undefined): Promise<readonly Certificate[]> {
  if (file === undefined) return [];
  const certificates = parseCertificates(await readFile(file, 'latin1'));
  if (certificates !== undefined) return certificates;
  throw new Error(`expected certificates (PEM) in ${file}, got something else`);
}

/** What a bundle says must not drive a terminal: anything but plain ASCII and our own marks is shown by its number, in a form that JSON reads too. */
function printable(line: string): string {
  return line.replace(/[^\x20-\x7e✔✘·]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
