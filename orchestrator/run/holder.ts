import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';

/**
 * What a data directory calls itself in a journal that several share, `host:/data/directory#1f0c…`: made once, kept in `holder.json`. A copy of a
 * data directory in another place is another holder: two that took each other's runs for their own would burn them.
 * The caller holds the lock of the data directory.
 */
export async function holderOf(home: string): Promise<string> {
  const file = join(home, 'holder.json');
  const known = Holder.safeParse(jsonOf(await readFile(file, 'utf8').catch(() => '')));
  if (known.success && known.data.home === home) return known.data.holder;
  const holder = `${hostname()}:${home}#${randomBytes(RANDOM_BYTES).toString('hex')}`;
  const temporary = `${file}.tmp`;
  await writeFile(temporary, JSON.stringify({ holder, home }), { mode: 0o600, flush: true });
  await rename(temporary, file);
  return holder;
}

/** Two containers may have one name and one path. */
const RANDOM_BYTES = 8;

const Holder = z.strictObject({ holder: z.string().min(1), home: z.string() });

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
