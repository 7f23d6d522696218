import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { inFolder, listFolder, readIfPresent, writeDurably } from './files.ts';
import type { StackFiles } from './layout.ts';

export type OperationKind = 'update' | 'preview' | 'refresh' | 'destroy' | 'import' | 'rename';

const configSchema = z.union([z.string(), z.strictObject({ secure: z.string() }), z.json()]);

/** One entry as the DIY backend keeps it; times are unix seconds. */
export const historySchema = z.object({
  kind: z.string(),
  startTime: z.number().int(),
  endTime: z.number().int(),
  message: z.string(),
  environment: z.record(z.string(), z.string()),
  config: z.record(z.string(), configSchema),
  version: z.number().int().optional(),
  result: z.enum(['succeeded', 'failed', 'in-progress']),
  resourceChanges: z.record(z.string(), z.number().int()).nullish(),
});

export type HistoryEntry = z.infer<typeof historySchema>;

/** Files one entry, with a copy of the state as it was left, and a backup unless the user wants none. */
export async function writeHistory(
  files: StackFiles,
  stack: string,
  entry: HistoryEntry,
  options: { readonly backup: boolean },
): Promise<void> {
  const stamp = `${stack}-${BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n}`;
  await writeDurably(join(files.history, `${stamp}.history.json`), JSON.stringify(entry));
  await copyFile(files.state, join(files.history, `${stamp}.checkpoint.json`));
  if (!options.backup) return;
  const backup = join(files.backups, `${stamp.replace(`${stack}-`, `${stack}.`)}.json`);
  await inFolder(files.backups, () => copyFile(files.state, backup));
}

/** All entries, newest first. */
export async function readHistory(files: StackFiles): Promise<readonly HistoryEntry[]> {
  const names = (await listFolder(files.history))
    .filter((name) => name.endsWith('.history.json'))
    .toSorted((a, b) => compare(stampOf(b), stampOf(a)));
  const entries: HistoryEntry[] = [];
  for (const name of names) {
    const text = await readIfPresent(join(files.history, name));
    if (text !== undefined) entries.push(historySchema.parse(JSON.parse(text)));
  }
  return entries;
}

/** Removes everything the backend remembers of a stack that is gone. */
export async function forgetHistory(files: StackFiles): Promise<void> {
  await rm(files.history, { recursive: true, force: true });
  await rm(files.backups, { recursive: true, force: true });
}

/** The entries as `stack history --json` prints them. */
export function presentHistory(
  entries: readonly HistoryEntry[],
  reveal: (ciphertext: string) => string,
): readonly unknown[] {
  return entries.map((entry) => ({
    version: entry.version ?? 0,
    kind: entry.kind,
    startTime: isoTime(entry.startTime),
    endTime: isoTime(entry.endTime),
    message: entry.message,
    environment: entry.environment,
    config: Object.fromEntries(Object.entries(entry.config).map(([key, value]) => [key, presentConfig(value, reveal)])),
    result: entry.result,
    ...(entry.resourceChanges ? { resourceChanges: entry.resourceChanges } : {}),
  }));
}

function presentConfig(value: HistoryEntry['config'][string], reveal: (ciphertext: string) => string): unknown {
  if (typeof value === 'string') return { value, secret: false };
  if (typeof value === 'object' && value !== null && 'secure' in value && typeof value.secure === 'string')
    return { value: reveal(value.secure), secret: true };
  return { value: JSON.stringify(value), objectValue: value, secret: false };
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function stampOf(name: string): bigint {
  return BigInt(/-(\d+)\.history\.json$/.exec(name)?.[1] ?? '0');
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
