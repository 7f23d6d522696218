import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './durable.ts';
import { integer, object, oneOf, orNull, type Read, readShape } from './format/shape.ts';
import { Instant, RunId, Text } from './format/values.ts';

/**
 * The spool: whose evidence is not wholly in the archive. One small file a run, `spool/RUN_ID.json`, written before the first object goes up and
 * removed when the receipt, which goes last, is under lock. So a crash in between, or a store that is down, leaves the entry, and whoever next
 * has the data directory goes on. The evidence itself stays where it is: the spool only says that it is owed.
 */
const Entry = object({
  version: oneOf([1]),
  run_id: RunId,
  since: Instant,
  attempts: integer(),
  /** Not before, unless somebody asks. */
  next_at: Instant,
  /** What came of the last attempt; null before one failed. */
  why: orNull(Text),
});
export type SpoolEntry = Read<typeof Entry>;

/** Notes that a run's evidence is owed to the archive; one that is noted stays as it is. */
export async function spoolRun(home: string, runId: string, now = new Date()): Promise<void> {
  if ((await readEntry(home, runId)) !== undefined) return;
  const at = now.toISOString();
  await writeEntry(home, { version: 1, run_id: runId, since: at, attempts: 0, next_at: at, why: null });
}

/** It is all in the archive. */
export async function unspoolRun(home: string, runId: string): Promise<void> {
  await rm(fileOf(home, runId), { force: true });
}

/** Notes an attempt that failed, and from when on it is tried again. */
export async function noteFailure(
  home: string,
  runId: string,
  { why, pauseAfter, now = new Date() }: { why: string; pauseAfter: (failures: number) => number; now?: Date },
): Promise<SpoolEntry> {
  const { since = now.toISOString(), attempts = 0 } = (await readEntry(home, runId)) ?? {};
  const failures = attempts + 1;
  const next_at = new Date(now.getTime() + pauseAfter(failures)).toISOString();
  const entry = { version: 1, run_id: runId, since, attempts: failures, next_at, why: why.slice(0, WHY_MAX) } as const;
  await writeEntry(home, entry);
  return entry;
}

/** Enough to know what to do. */
const WHY_MAX = 512;

/** What is owed, oldest first. An entry that cannot be read is due at once: its name says whose it is. */
export async function readSpool(home: string): Promise<readonly SpoolEntry[]> {
  const names = await readdir(folderOf(home)).catch(() => []);
  const ids = names.flatMap((name) => /^([0-9a-f]{12})\.json$/.exec(name)?.[1] ?? []);
  const at = new Date(0).toISOString();
  const entries = ids.map(
    async (runId) =>
      (await readEntry(home, runId)) ??
      ({ version: 1, run_id: runId, since: at, attempts: 0, next_at: at, why: 'its entry cannot be read' } as const),
  );
  return (await Promise.all(entries)).sort((a, b) => a.since.localeCompare(b.since, 'en'));
}

/** How many bytes of evidence are owed. */
export async function spooledBytes(home: string): Promise<number> {
  const sizes = (await readSpool(home)).map(({ run_id: runId }) => folderBytes(join(home, 'runs', runId)));
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function folderBytes(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  const sizes = names.map((name) =>
    stat(join(dir, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function readEntry(home: string, runId: string): Promise<SpoolEntry | undefined> {
  try {
    const read = readShape(Entry, JSON.parse(await readFile(fileOf(home, runId), 'utf8')));
    return 'value' in read && read.value.run_id === runId ? read.value : undefined;
  } catch {
    return undefined;
  }
}

async function writeEntry(home: string, entry: SpoolEntry): Promise<void> {
  const folder = folderOf(home);
  const temporary = join(folder, `${entry.run_id}.${randomUUID()}.tmp`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await writeFile(temporary, `${JSON.stringify(entry)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    await rename(temporary, fileOf(home, entry.run_id));
    await syncFolder(folder);
  } finally {
    await rm(temporary, { force: true });
  }
}

function folderOf(home: string): string {
  return join(home, 'spool');
}

function fileOf(home: string, runId: string): string {
  return join(folderOf(home), `${runId}.json`);
}
