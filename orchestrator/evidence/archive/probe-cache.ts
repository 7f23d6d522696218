import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { integer, list, object, oneOf, type Read, readShape } from '../format/shape.ts';
import { Instant, LockVerdict, Text } from '../format/values.ts';
import type { Archive } from './open-archive.ts';
import type { ProbeResult } from './probe.ts';

/** More than any probe makes. */
const CHECKS_MAX = 64;
const Answer = oneOf(['refused', 'accepted']);
const Kept = object({
  version: oneOf([1]),
  /** Which store was probed; another one, or another release of it, is probed anew. */
  store: Text,
  verdict: LockVerdict,
  checks: list(object({ name: Text, what: Text, expected: Answer, got: Answer }), { max: CHECKS_MAX }),
  probed_at: Instant,
  duration_ms: integer(),
});

/** A probe's result and how old it is; 0 for one that was made just now. */
export interface DatedProbe extends Omit<ProbeResult, 'checks'> {
  readonly checks: readonly {
    readonly name: string;
    readonly what: string;
    readonly expected: string;
    readonly got: string;
  }[];
  readonly age_ms: number;
}

/** A store's way with locks changes with its release or its configuration, not by the hour. */
const PROBE_VALID_MS = 24 * 60 * 60 * 1000;

/**
 * The last probe of this store if it was `strict` and is young enough, else a new one, kept in `file` (archive/probe.json).
 * `store` names what was probed beyond address and bucket: a local server gets a new port with each start, and is still the same.
 */
export async function probeOrRecall(
  archive: Archive,
  options: { file: string; store: string; now?: Date },
): Promise<DatedProbe> {
  const now = (options.now ?? new Date()).getTime();
  const store = `${options.store} bucket ${archive.bucket}`;
  const kept = await recall(options.file);
  const age = kept === undefined ? Infinity : now - Date.parse(kept.probed_at);
  if (kept?.store === store && kept.verdict === 'strict' && age >= 0 && age < PROBE_VALID_MS)
    return { ...kept, age_ms: age };
  const result = await archive.probe();
  await keep(options.file, { version: 1, store, ...result });
  return { ...result, age_ms: 0 };
}

/** Anything unreadable is as good as nothing: the store is probed again. */
async function recall(file: string): Promise<Read<typeof Kept> | undefined> {
  try {
    const read = readShape(Kept, JSON.parse(await readFile(file, 'utf8')));
    return 'value' in read ? read.value : undefined;
  } catch {
    return undefined;
  }
}

async function keep(file: string, value: object): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  await rename(temporary, file);
}
