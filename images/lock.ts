import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ImageInfo } from './current.ts';
import { RECIPE_ROOT } from './inputs.ts';

/**
 * Says in which ways an image differs from the one that the committed lock file records; nothing where it is the same, byte for byte.
 * Debian's archive moves on, so another package version is no error: it is said.
 */
export async function compareWithLock(image: ImageInfo): Promise<string[]> {
  const lock = await readLock();
  if (lock.digest === image.digest) return [];
  const packages = differencesOf(lock.packages, await readPackages(image));
  const inputs = (['recipe', 'agent'] as const).filter((name) => lock.builtFrom[name] !== image.builtFrom[name]);
  return [
    ...(inputs.length > 0 ? [`other than the lock file's: ${inputs.join(' and ')} of this checkout`] : []),
    ...(packages.length > 0 ? [`Debian has moved on since the lock file was written: ${packages.join(', ')}`] : []),
    ...(inputs.length + packages.length === 0
      ? ["the lock file's inputs gave other bytes here: the image tools have other versions"]
      : []),
  ];
}

/** Records an image in the lock file, for a developer who changed the recipe or took newer packages. */
export async function writeLock(image: ImageInfo): Promise<void> {
  const { digest, files, builtFrom } = image;
  const lock: Lock = { digest, files, builtFrom, packages: await readPackages(image) };
  await writeFile(LOCK_FILE, `${JSON.stringify(lock, null, 2)}\n`);
}

/** What the lock file records. */
export async function readLock(): Promise<Lock> {
  return Lock.parse(JSON.parse(await readFile(LOCK_FILE, 'utf8')));
}

const LOCK_FILE = join(RECIPE_ROOT, 'image.lock.json');

const Lock = z.strictObject({
  digest: z.string(),
  files: z.record(z.string(), z.string()),
  builtFrom: z.strictObject({ suite: z.string(), recipe: z.string(), agent: z.string() }),
  packages: z.record(z.string(), z.string()),
});
type Lock = z.infer<typeof Lock>;

async function readPackages(image: ImageInfo): Promise<Record<string, string>> {
  const lines = (await readFile(join(image.directory, 'packages.txt'), 'utf8')).trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(' ', 2) as [string, string]));
}

function differencesOf(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((name) => before[name] !== now[name])
    .sort();
  const said = names.slice(0, NAMED).map((name) => `${name} ${before[name] ?? 'absent'} → ${now[name] ?? 'absent'}`);
  return names.length > NAMED ? [...said, `and ${names.length - NAMED} more`] : said;
}

/** One line on a terminal holds about this many. */
const NAMED = 4;
