import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Report } from '../../report/report.ts';
import { EvidenceError } from '../errors.ts';
import { STREAMS } from '../format/streams.ts';
import { readPlain, scan } from '../scan.ts';
import type { TrustedKeys } from '../keys/trusted-keys.ts';
import { type Verification, verifyBundle } from '../verify/verify-bundle.ts';
import { readFields } from '../witness/json.ts';
import { actionEvents } from './ocsf/actions.ts';
import { EventMaker, type OcsfEvent } from './ocsf/event.ts';
import { findingEvents, lifecycleEvents, networkEvents, processEvents } from './ocsf/sandbox.ts';
import type { Readable } from './readable.ts';
import { recordLines } from './records.ts';
import { REDACTION_POLICY, Redactor } from './redaction.ts';

export const EXPORT_FORMATS = ['ocsf', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What an export holds; the redaction is also said inside it. */
export interface Exported {
  readonly lines: number;
  readonly runId: string;
  readonly evidenceRoot: string;
  /** How the bundle fared when it was read for this export. */
  readonly verification: Verification['verdict'];
  readonly redaction: { readonly policy: string; readonly taken: Readonly<Record<string, number>> };
}

/**
 * Writes a run's evidence in a form that other tools read, line by line to `write`, secrets taken out. The bundle is verified first; one that is
 * refused is not exported. Throws EvidenceError (`not_sealed`).
 */
export async function exportBundle(
  dir: string,
  { format, trust, write }: { format: ExportFormat; trust: TrustedKeys; write: (line: string) => void },
): Promise<Exported> {
  const bundle = requireReadable(dir, await verifyBundle(dir, { trust }));
  const redactor = new Redactor();
  let lines = 0;
  const emit = (line: object): void => {
    lines += 1;
    write(JSON.stringify(line));
  };
  if (format === 'ocsf') for (const event of await ocsfEvents(dir, bundle)) emit(redacted(event, redactor));
  else await recordLines(dir, bundle, redactor, emit);
  return {
    lines,
    runId: bundle.manifest.run.run_id,
    evidenceRoot: bundle.evidenceRoot,
    verification: bundle.verdict,
    redaction: { policy: REDACTION_POLICY, taken: redactor.counts() },
  };
}

/** A receipt may be missing yet (the run still burns): what was signed is exported; what was changed is not. */
function requireReadable(dir: string, found: Verification): Readable {
  const { manifest, evidenceRoot, verdict, firstFailure } = found;
  const isOnlyUnburned = verdict === 'refused' && firstFailure?.code === 'receipt_files';
  if (manifest !== undefined && evidenceRoot !== undefined && (verdict !== 'refused' || isOnlyUnburned))
    return { ...found, manifest, evidenceRoot };
  throw new EvidenceError('not_sealed', {
    expected: `${dir} to hold evidence that verifies`,
    got: `${firstFailure?.what ?? 'none'}: ${firstFailure?.detail ?? ''}`,
    hint: 'burnbag verify lists every check; evidence that was changed is not exported',
  });
}

/** All events of a run in the order of time. */
async function ocsfEvents(dir: string, bundle: Readable): Promise<readonly OcsfEvent[]> {
  const { manifest, evidenceRoot, receipt } = bundle;
  const make = new EventMaker(manifest, evidenceRoot);
  const relay = await linesOf(dir, bundle, STREAMS.relay.file);
  const [first] = await linesOf(dir, bundle, STREAMS.engine.file);
  const seconds = readFields(first)?.['timestamp'];
  const report = await readReport(dir, bundle);
  const events = [
    ...lifecycleEvents(make, manifest, typeof seconds === 'number' ? seconds * 1000 : undefined, receipt),
    ...actionEvents(make, relay),
    ...(report === undefined ? [] : [...processEvents(make, report), ...networkEvents(make, report)]),
    ...findingEvents(make, manifest, report),
  ];
  return events.toSorted((a, b) => Number(a['time']) - Number(b['time']));
}

/** An event without secrets, and by which policy and how many were taken out of it. */
function redacted(event: OcsfEvent, total: Redactor): object {
  const own = new Redactor(total);
  const clean = own.redact(event) as OcsfEvent;
  const unmapped = { ...(clean['unmapped'] as object), redaction: { policy: REDACTION_POLICY, taken: own.counts() } };
  return { ...clean, unmapped };
}

async function linesOf(dir: string, { manifest }: Readable, file: string): Promise<readonly string[]> {
  const lines: string[] = [];
  if (!manifest.files.some(({ name }) => name === file)) return lines;
  await readPlain(join(dir, file), (handle) => scan(handle, { onLine: (line) => lines.push(line?.toString() ?? '') }));
  return lines;
}

async function readReport(dir: string, { manifest }: Readable): Promise<Report | undefined> {
  if (!manifest.files.some(({ name }) => name === 'report.json')) return undefined;
  const read = Report.safeParse(JSON.parse(await readFile(join(dir, 'report.json'), 'utf8')));
  return read.data;
}
