import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SweepReport } from './report.ts';

/** Adds a sweep to `reaper.ndjson` in the data directory, one line; a sweep that found nothing is no news. Never throws: burning goes first. */
export function writeSweepLog(home: string, report: SweepReport): void {
  if (report.dry_run || (report.clean && report.runs.length === 0)) return;
  try {
    appendFileSync(join(home, 'reaper.ndjson'), `${JSON.stringify({ at: new Date().toISOString(), ...report })}\n`, {
      mode: 0o600,
    });
  } catch {
    // The report itself still says it.
  }
}
