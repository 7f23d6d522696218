import * as z from 'zod';
import type { Database, Row } from '../database.ts';
import type { RecordedCertificate } from './record-certificate.ts';

/** The certificates that were minted for a run, in the order they were recorded. */
export async function listCertificates(database: Database, runId: string): Promise<readonly RecordedCertificate[]> {
  return (await database.query(SQL, [runId])).map(parseCertificate);
}

const SQL =
  'select serial, key_id, valid_before from burnbag.certificates where run_id = $1 order by recorded_at, serial';

const CertificateRow = z.strictObject({ serial: z.string(), key_id: z.string(), valid_before: z.date() });

function parseCertificate(row: Row): RecordedCertificate {
  const { serial, key_id: keyId, valid_before: validBefore } = CertificateRow.parse(row);
  return { serial, keyId, validBefore: validBefore.getTime() / 1_000 };
}
