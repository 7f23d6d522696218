import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../../executor/protocol/canonical.ts';
import { CHAIN_START } from '../../../executor/protocol/chain.ts';
import { EvidenceError } from '../errors.ts';
import { readShape } from '../format/shape.ts';
import { CustodyEntry, type CustodyFacts } from './entry.ts';

/*
 * Who did what with evidence, one file an entry: custody/00000001.json, canonical JSON. `seq` counts from 1, `prev` is the SHA-256 of the entry
 * before. An entry is written whole under another name and then linked to its number, which only one can have: several processes append without
 * a lock, none replaces anything, and a crash leaves no half entry.
 */

/** Twice as many as processes that could want the same number at the same moment. */
const ATTEMPTS = 64;

/** Appends one entry and waits until it is on disk. Throws EvidenceError (`audit_unavailable`): what cannot be recorded must not be done. */
export async function recordCustody(home: string, facts: CustodyFacts, now = new Date()): Promise<CustodyEntry> {
  const folder = custodyFolder(home);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const last = (await readNames(folder)).at(-1);
      const prev = last === undefined ? CHAIN_START : sha256(await readFile(join(folder, last)));
      const seq = last === undefined ? 1 : Number.parseInt(last, 10) + 1;
      const entry = { version: 1, seq, at: now.toISOString(), prev, ...facts } as const;
      if (await writeOnce(folder, nameOf(seq), canonicalJson(entry))) return entry;
    }
  } catch (cause) {
    throw unavailable(folder, cause instanceof Error ? cause.message : String(cause), cause);
  }
  throw unavailable(folder, `${ATTEMPTS} others that were faster`);
}

/** What the log holds, and the first thing that is wrong with it: a number missing, an entry changed, one that is none. */
export interface CustodyReading {
  readonly entries: readonly CustodyEntry[];
  /** SHA-256 of the last entry: noted elsewhere, it shows later whether the end of the log was cut off. */
  readonly head: string;
  readonly problem: string | null;
}

/** Reads the log from its beginning and follows its chain. */
export async function readCustody(home: string): Promise<CustodyReading> {
  const folder = custodyFolder(home);
  const entries: CustodyEntry[] = [];
  let prev = CHAIN_START;
  for (const name of await readNames(folder)) {
    const bytes = await readFile(join(folder, name));
    const expected = nameOf(entries.length + 1);
    if (name !== expected) return { entries, head: prev, problem: `expected ${expected}, got ${name}` };
    const entry = readEntry(bytes);
    if (typeof entry === 'string') return { entries, head: prev, problem: `${name}: ${entry}` };
    if (entry.seq !== entries.length + 1 || entry.prev !== prev)
      return { entries, head: prev, problem: `${name}: expected entry ${entries.length + 1} after ${prev}` };
    entries.push(entry);
    prev = sha256(bytes);
  }
  return { entries, head: prev, problem: null };
}

function readEntry(bytes: Buffer): CustodyEntry | string {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (canonicalJson(value) !== bytes.toString()) return 'expected canonical JSON';
    const read = readShape(CustodyEntry, value);
    return 'value' in read ? read.value : read.problem;
  } catch {
    return 'expected JSON';
  }
}

function custodyFolder(home: string): string {
  return join(home, 'custody');
}

function nameOf(seq: number): string {
  return `${String(seq).padStart(8, '0')}.json`;
}

async function readNames(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => name.endsWith('.json')).sort();
}

/** False when somebody else has that number by now. */
async function writeOnce(folder: string, name: string, text: string): Promise<boolean> {
  const temporary = join(folder, `${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx', flush: true });
    await link(temporary, join(folder, name));
    await using handle = await open(folder);
    await handle.sync();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function unavailable(folder: string, got: string, cause?: unknown): EvidenceError {
  const said = { expected: `to append to the custody log in ${folder}`, got };
  const hint = 'what cannot be recorded is not done: make the folder writable and try again';
  return new EvidenceError('audit_unavailable', { ...said, hint }, { cause });
}
