import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isInPlace, type ItemResult } from './item.ts';

/** `setup.json`: what was prepared, when, in which version and with which digests. */
export const SetupRecord = z.strictObject({
  version: z.literal(1),
  items: z.record(
    z.string(),
    z.strictObject({
      what: z.string(),
      prepared_at: z.iso.datetime(),
      duration_ms: z.int().nonnegative(),
      details: z.record(z.string(), z.string()),
    }),
  ),
});
export type SetupRecord = z.infer<typeof SetupRecord>;

/** Adds what this set-up put in place to the record; what was there before keeps its row while its details are the same. */
export async function writeRecord(home: string, results: readonly ItemResult[]): Promise<void> {
  const items = { ...(await readRecord(home)).items };
  for (const result of results) {
    if (!isInPlace(result)) continue;
    const details = { ...result.details };
    const before = items[result.item];
    if (result.status !== 'fixed' && before !== undefined && isSame(before.details, details)) continue;
    items[result.item] = {
      what: result.what,
      prepared_at: new Date().toISOString(),
      duration_ms: result.durationMs,
      details,
    };
  }
  const file = join(home, 'setup.json');
  await writeFile(`${file}.tmp`, `${JSON.stringify({ version: 1, items }, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}

/** The record; an absent or unreadable one is empty: setup then looks for itself. */
export async function readRecord(home: string): Promise<SetupRecord> {
  const empty: SetupRecord = { version: 1, items: {} };
  const text = await readFile(join(home, 'setup.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return empty;
  try {
    return SetupRecord.parse(JSON.parse(text));
  } catch {
    return empty;
  }
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  return Object.keys({ ...one, ...other }).every((name) => one[name] === other[name]);
}
