import { join } from 'node:path';
import { STREAM_NAMES, STREAMS } from '../format/streams.ts';
import { readPlain, scan } from '../scan.ts';
import { readFields } from '../witness/json.ts';
import type { Readable } from './export-bundle.ts';
import { REDACTION_POLICY, REDACTION_RULES, type Redactor } from './redaction.ts';

/** Files whose lines are records; others (a packet capture) are named with size and digest, and not unpacked. */
const BY_LINE = /\.(log|ndjson)$/;

/** Every record of every stream as a line that says where it is from; first what this is, last what was taken out. */
export async function recordLines(
  dir: string,
  bundle: Readable,
  redactor: Redactor,
  emit: (line: object) => void,
): Promise<void> {
  const { manifest, evidenceRoot, verdict } = bundle;
  emit({
    schema: 'burnbag.records/1',
    run: redactor.redact(manifest.run),
    evidence_root: evidenceRoot,
    verification: verdict,
    completeness: manifest.verdict,
    redaction: { policy: REDACTION_POLICY, rules: REDACTION_RULES.map(({ id, why }) => ({ id, why })) },
  });
  const listed = new Map(manifest.files.map((entry) => [entry.name, entry]));
  for (const stream of STREAM_NAMES) {
    const { file, witness } = STREAMS[stream];
    const entry = listed.get(file);
    if (entry === undefined) continue;
    if (!BY_LINE.test(file)) {
      emit({ stream, witness, record: null, file, bytes: entry.bytes, sha256: entry.sha256 });
      continue;
    }
    let record = 0;
    const onLine = (line: Buffer | undefined): void => {
      record += 1;
      const fields = file.endsWith('.ndjson') ? readFields(line) : undefined;
      const data = redactor.redact(fields ?? line?.toString() ?? null);
      emit({ stream, witness, record, at_ms: momentOf(fields, line), data });
    };
    await readPlain(join(dir, file), (handle) => scan(handle, { onLine }));
  }
  emit({ schema: 'burnbag.records-end/1', redacted: redactor.counts() });
}

/** When a record says it was made: by its own clock. Null where it does not say. */
function momentOf(fields: ReturnType<typeof readFields>, line: Buffer | undefined): number | null {
  if (typeof fields?.['at_ms'] === 'number') return fields['at_ms'];
  if (typeof fields?.['timestamp'] === 'number') return fields['timestamp'] * 1000;
  const [, seconds, millis] = /msg=audit\((\d{1,12})\.(\d{3}):/.exec(line?.toString('latin1', 0, 128) ?? '') ?? [];
  return seconds === undefined ? null : Number(seconds) * 1000 + Number(millis);
}
