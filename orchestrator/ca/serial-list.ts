import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { CaError } from './errors.ts';

/**
 * A list of serials that only grows: those nobody may log in with any more, and those that have had their one login. The file is a KRL
 * specification as ssh-keygen(1) reads it (`serial: N`, one a line, `#` starts a comment).
 */
export interface SerialList {
  /** Adds a decimal serial; resolves when that is durable. Adding it again changes nothing for a reader. */
  add(serial: string, why: string): Promise<void>;
  /** The same for one that is not on the list yet, and tells whether it was not. Of several that come at once, one is told so. */
  addNew(serial: string, why: string): Promise<boolean>;
  /** Every serial on the list. */
  list(): Promise<ReadonlySet<string>>;
}

/** Opens the list in `file`; the file is made with the first entry. */
export function openSerialList(file: string): SerialList {
  let turn: Promise<unknown> = Promise.resolve();
  return {
    add: (serial, why) => append(file, serial, why),
    addNew(serial, why) {
      const mine = turn.then(async () => {
        if ((await readSerials(file)).has(serial)) return false;
        await append(file, serial, why);
        return true;
      });
      turn = mine.catch(() => undefined);
      return mine;
    },
    list: () => readSerials(file),
  };
}

async function append(file: string, serial: string, why: string): Promise<void> {
  if (!/^[1-9][0-9]{0,19}$/.test(serial)) throw invalid('a decimal serial', JSON.stringify(serial));
  const reason = why.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await using handle = await open(file, 'a', 0o600);
  await handle.appendFile(`# ${new Date().toISOString()} ${reason}\nserial: ${serial}\n`);
  await handle.sync();
}

async function readSerials(file: string): Promise<ReadonlySet<string>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const entries = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Set(entries.map(readEntry));
}

function readEntry(line: string): string {
  const serial = /^serial: ([1-9][0-9]{0,19})$/.exec(line)?.[1];
  if (serial === undefined) throw invalid('`serial: N`', JSON.stringify(line.slice(0, 80)));
  return serial;
}

function invalid(expected: string, got: string): CaError {
  return new CaError('serial_list', { expected, got, hint: 'the list is append-only; restore it from a copy' });
}
