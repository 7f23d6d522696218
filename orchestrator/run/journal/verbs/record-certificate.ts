import type { Database } from '../database.ts';
import { JournalError } from '../error.ts';
import { heldBy, refuseElsewhere } from '../holder.ts';
import { getRun } from './get-run.ts';

/** Records a certificate before it is used. Rejects with `certificate_exists` when its serial was recorded before, for whatever run. */
export async function recordCertificate(
  database: Database,
  runId: string,
  certificate: RecordedCertificate,
  holder: string | null,
  at = new Date(),
): Promise<void> {
  const validBefore = new Date(certificate.validBefore * 1_000).toISOString();
  const { serial, keyId } = certificate;
  const rows = await database.query(SQL, [serial, runId, keyId, validBefore, at.toISOString(), holder]);
  if (rows.length > 0) return;
  refuseElsewhere(await getRun(database, runId), holder);
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
  select $1, run_id, $3, $4::timestamptz, $5::timestamptz from burnbag.runs where run_id = $2 and ${heldBy('$6')}
  on conflict do nothing
  returning serial`;

function serialTaken(serial: string): JournalError {
  return new JournalError('certificate_exists', {
    expected: 'a certificate with a serial of its own',
    got: `serial ${serial}, which the journal has`,
    hint: 'mint another one; serials are never used twice',
  });
}
