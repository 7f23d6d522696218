import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { getRun } from './get-run.ts';

/** Records a certificate before it is used. Rejects with `certificate_exists` when its serial was recorded before, for whatever run. */
export async function recordCertificate(
  database: Database,
  runId: string,
  certificate: RecordedCertificate,
  at = new Date(),
): Promise<void> {
  const validBefore = new Date(certificate.validBefore * 1_000).toISOString();
  const rows = await database.query(SQL, [certificate.serial, runId, certificate.keyId, validBefore, at.toISOString()]);
  if (rows.length > 0) return;
  await getRun(database, runId);
  throw serialTaken(certificate.serial);
}

export interface RecordedCertificate {
  /** 64 bits, in decimal. */
  readonly serial: string;
  readonly keyId: string;
  /** Unix seconds. */
  readonly validBefore: number;
}

const SQL = `
  insert into burnbag.certificates (serial, run_id, key_id, valid_before, recorded_at)
  select $1, run_id, $3, $4::timestamptz, $5::timestamptz from burnbag.runs where run_id = $2
  on conflict do nothing
  returning serial`;

function serialTaken(serial: string): JournalError {
  return new JournalError('certificate_exists', {
    expected: 'a certificate with a serial of its own',
    got: `serial ${serial}, which the journal has`,
    hint: 'mint another one; serials are never used twice',
  });
}
