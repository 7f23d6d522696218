import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sourcesBelow } from './files.ts';
import type { Environment } from './item.ts';
import { installedPrograms } from './items/programs.ts';

/*
 * "Everything is prepared" as one digest over cheap facts: name, size and modification time of every file that setup makes something from, of
 * everything it made, and of the programs it found. Any difference only means that setup looks properly, and that costs a second.
 */

/** What the image, the agent and setup itself are made from, in the checkout. */
const INPUTS = ['images', 'executor', 'policies', 'orchestrator/setup', 'package-lock.json'];
/** What setup made, in the data directory. */
const OUTPUTS = ['bin', 'image', 'agent'];

interface Prepared {
  readonly home: string;
  readonly root: string;
  readonly env: Environment;
  readonly archiveEndpoint?: string | undefined;
}

/** True where nothing changed since setup last found everything in place. */
export async function isPrepared(prepared: Prepared): Promise<boolean> {
  const stamp = await readFile(stampFile(prepared.home), 'utf8').catch(() => undefined);
  return stamp !== undefined && stamp.trim() === (await fingerprint(prepared));
}

/** Records that everything is in place now. */
export async function takeStamp(prepared: Prepared): Promise<void> {
  const file = stampFile(prepared.home);
  await mkdir(prepared.home, { recursive: true, mode: 0o700 });
  await writeFile(`${file}.tmp`, `${await fingerprint(prepared)}\n`, { mode: 0o600 });
  await rename(`${file}.tmp`, file);
}

async function fingerprint({ home, root, env, archiveEndpoint }: Prepared): Promise<string> {
  const folders = [...INPUTS.map((name) => join(root, name)), ...OUTPUTS.map((name) => join(home, name))];
  const [programs, ...files] = await Promise.all([installedPrograms(env), ...folders.map(sourcesBelow)]);
  const facts = await Promise.all([...programs, ...files.flat()].sort().map(describe));
  const settings = [process.version, process.arch, archiveEndpoint ?? ''];
  return createHash('sha256')
    .update([...settings, ...facts].join('\n'))
    .digest('hex');
}

async function describe(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? `${path} absent` : `${path} ${found.size} ${found.mtimeMs}`;
}

function stampFile(home: string): string {
  return join(home, 'setup.stamp');
}
