import { readFile } from 'node:fs/promises';
import { type Certificate, parseCertificates } from '../timestamp/certificate.ts';
import { TimestampError } from './errors.ts';

/** The certificates of a PEM file: of authorities whose timestamps count. Throws TimestampError (`tsa_ca_unusable`) when it holds none or something else. */
export async function readAuthorities(file: string): Promise<readonly Certificate[]> {
  let got = 'something else';
  try {
    const certificates = parseCertificates(await readFile(file, 'latin1'));
    if (certificates !== undefined) return certificates;
  } catch (cause) {
    got = cause instanceof Error ? cause.message : String(cause);
  }
  throw new TimestampError('tsa_ca_unusable', {
    expected: `certificates (PEM) of the timestamp authority in ${file}`,
    got,
    hint: 'ask the TSA for its CA’s certificate, and name its file in timestamp.ca_file or --tsa-ca',
  });
}
