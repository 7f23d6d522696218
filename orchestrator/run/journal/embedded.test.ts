import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { DURABLE_START, DurableFiles } from './durable-files.ts';
import { type Journal, openJournal } from './index.ts';
import { journalContract } from './journal-contract.ts';

const home = mkdtempSync(join(tmpdir(), 'burnbag-journal-'));
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

describe('the embedded journal', () => {
  let journal: Journal;
  beforeAll(async () => {
    journal = await openJournal({ home });
  });
  afterAll(async () => {
    await journal[Symbol.asyncDispose]();
  });

  journalContract(() => journal);
});

// From here on each test opens the same journal again, after whatever the one before did to it.

test('every commit reaches the disk', async () => {
  const sync = vi.spyOn(fs, 'fdatasyncSync');
  const database = new PGlite({ fs: new DurableFiles(join(home, 'journal')), startParams: [...DURABLE_START] });
  await database.waitReady;
  const { rows } = await database.query(
    "select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit",
  );
  expect(rows).toEqual([{ fsync: 'on', commit: 'on' }]);
  await database.query('create table kept (n integer)');
  sync.mockClear();
  for (let n = 0; n < 5; n++) await database.query('insert into kept values ($1)', [n]);
  expect(sync.mock.calls.length).toBeGreaterThanOrEqual(5);
  await database.close();
  sync.mockRestore();
});

/** A process that creates runs for ever and names each one once its creation is durable. */
const WRITER = `
  import { openJournal } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
  const journal = await openJournal({ home: process.argv[1] });
  for (let n = 0; ; n++) {
    const runId = 'dead' + n.toString(16).padStart(8, '0');
    const run = await journal.createRun({ runId, taskId: 't', requester: 'r', profile: 'p', request: {} });
    await journal.moveRun(run, 'admitted');
    console.log(runId);
  }
`;

test('what was said to be stored is there after kill -9', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, home], {
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 25_000,
    killSignal: 'SIGKILL',
  });
  const exit = once(child, 'exit');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === 40) child.kill('SIGKILL');
  }
  await exit;
  expect(said.length).toBeGreaterThanOrEqual(40);
  await using journal = await openJournal({ home });
  for (const runId of said) {
    expect(await journal.getRun(runId)).toMatchObject({ state: 'admitted' });
    expect(await journal.checkChain(runId)).toEqual({ holds: true });
  }
});

test('a closed journal says so, and closing twice is one closing', async () => {
  const journal = await openJournal({ home });
  await journal[Symbol.asyncDispose]();
  await journal[Symbol.asyncDispose]();
  await expect(journal.listRuns()).rejects.toMatchObject({ code: 'journal_unavailable' });
});

test('refuses a folder that is no database, and leaves it as it is', async () => {
  const control = join(home, 'journal', 'global', 'pg_control');
  writeFileSync(control, 'not a database');
  await expect(openJournal({ home })).rejects.toMatchObject({ code: 'journal_unreadable' });
  expect(fs.readFileSync(control, 'utf8')).toBe('not a database');
});
