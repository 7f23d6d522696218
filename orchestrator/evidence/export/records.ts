import { join } from 'node:path';
import { STREAM_NAMES, STREAMS } from '../format/streams.ts';
import { readPlain, scan } from '../scan.ts';
import { readFields } from '../witness/json.ts';
import { CaptureReader, type CapturedFrame } from '../capture/read-capture.ts';
import { describeFrame } from '../capture/describe-frame.ts';
import type { Readable } from './readable.ts';
import { REDACTION_POLICY, REDACTION_RULES, type Redactor } from './redaction.ts';

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
  const listed = new Set(manifest.files.map(({ name }) => name));
  for (const stream of STREAM_NAMES) {
    const { file, witness } = STREAMS[stream];
    if (!listed.has(file)) continue;
    let record = 0;
    const take = (atMs: number | null, data: unknown): void => {
      record += 1;
      emit({ stream, witness, record, at_ms: atMs, data: redactor.redact(data) });
    };
    await (stream === 'capture' ? readFrames(join(dir, file), take) : readLines(join(dir, file), take));
  }
  emit({ schema: 'burnbag.records-end/1', redacted: redactor.counts() });
}

type Take = (atMs: number | null, data: unknown) => void;

async function readLines(path: string, take: Take): Promise<void> {
  const onLine = (line: Buffer | undefined): void => {
    const fields = path.endsWith('.ndjson') ? readFields(line) : undefined;
    take(momentOf(fields, line), fields ?? line?.toString() ?? null);
  };
  await readPlain(path, (handle) => scan(handle, { onLine }));
}

/** A frame is told by who sent it, its size and its heads; what it carries stays in the bundle. */
async function readFrames(path: string, take: Take): Promise<void> {
  const reader = new CaptureReader(({ from, atMs, bytes }: CapturedFrame) => {
    take(atMs, { from, bytes: bytes.length, ...describeFrame(bytes) });
  });
  await readPlain(path, (handle) =>
    scan(handle, {
      onPiece: (piece) => {
        reader.push(piece);
      },
    }),
  );
  reader.end();
}

/** When a record says it was made: by its own clock. Null where it does not say. */
function momentOf(fields: ReturnType<typeof readFields>, line: Buffer | undefined): number | null {
  if (typeof fields?.['at_ms'] === 'number') return fields['at_ms'];
  if (typeof fields?.['timestamp'] === 'number') return fields['timestamp'] * 1000;
  const [, seconds, millis] = /msg=audit\((\d{1,12})\.(\d{3}):/.exec(line?.toString('latin1', 0, 128) ?? '') ?? [];
  return seconds === undefined ? null : Number(seconds) * 1000 + Number(millis);
}
