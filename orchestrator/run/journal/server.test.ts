import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Run } from '../run.ts';
import { type Journal, openJournal } from './index.ts';
import { journalContract } from './journal-contract.ts';
import { startPostgres } from './postgres-for-tests.ts';
import { openServer } from './server.ts';

const postgres = await startPostgres();
if (postgres === undefined) {
  process.stderr.write(
    'NOT RUN on a Postgres server: no BURNBAG_TEST_DATABASE_URL, and Debian’s postgresql package is not installed\n',
  );
}
const home = '/nonexistent';
const url = postgres?.url ?? '';

afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]();
});

describe.skipIf(postgres === undefined)('the journal on a Postgres server', () => {
  let journal: Journal;
  beforeAll(async () => {
    // The tables are made by all of them at once, as orchestrators that start together do.
    const [first, ...others] = await Promise.all(
      Array.from({ length: 4 }, () => openJournal({ home, databaseUrl: url })),
    );
    for (const other of others) await other[Symbol.asyncDispose]();
    if (first !== undefined) journal = first;
  });
  afterAll(async () => {
    await journal[Symbol.asyncDispose]();
  });

  journalContract(() => journal);

  describe('of two data directories', () => {
    let left: Journal;
    let right: Journal;
    let run: Run;
    beforeAll(async () => {
      left = await openJournal({ home, databaseUrl: url, holder: 'left' });
      right = await openJournal({ home, databaseUrl: url, holder: 'right' });
    });
    beforeEach(async () => {
      const runId = randomBytes(6).toString('hex');
      run = await left.createRun({ runId, taskId: 't', requester: 'r', profile: 'p', request: {} });
      for (const to of ['admitted', 'provisioning', 'ready', 'executing'] as const) run = await left.moveRun(run, to);
    });
    afterAll(async () => {
      await left[Symbol.asyncDispose]();
      await right[Symbol.asyncDispose]();
    });

    const ID = { kind: 'file', id: '/x', detail: {} } as const;
    const SEEN = { means: 'stat', at: '2026-11-28T00:00:00.000Z' };
    const changes: readonly (readonly [string, (journal: Journal) => Promise<unknown>])[] = [
      ['move it', (journal) => journal.moveRun(run, 'collecting')],
      ['record an id', (journal) => journal.recordId(run.runId, ID)],
      ['call an id gone', (journal) => journal.markGone(run.runId, ID, SEEN)],
      ['record an action', (journal) => journal.recordAction(run.runId, ACTION)],
      ['record a certificate', (journal) => journal.recordCertificate(run.runId, newCertificate())],
    ];
    const ACTION = { requestId: 1, action: 'run_script', state: 'journalled' } as const;
    const newCertificate = () => {
      const serial = randomBytes(7).readUIntBE(0, 6).toString();
      return { serial, keyId: 'k', validBefore: 2_000_000_000 };
    };

    test.each(changes)('the one whose run it is not cannot %s, and the other can', async (_what, change) => {
      await left.recordId(run.runId, ID);
      await expect(change(right)).rejects.toMatchObject({ code: 'held_elsewhere' });
      expect(await left.getRun(run.runId)).toEqual(run);
      await expect(change(left)).resolves.not.toThrow();
    });

    test('each takes up its own, and sees all', async () => {
      const ids = async (journal: Journal) => (await journal.unfinishedRuns()).map(({ runId }) => runId);
      expect(await ids(left)).toContain(run.runId);
      expect(await ids(right)).not.toContain(run.runId);
      expect(await right.getRun(run.runId)).toEqual(run);
      expect(right.isElsewhere(run)).toBe(true);
      const own = await right.listRuns({ limit: 1_000, own: true });
      expect(own.filter(({ holder }) => holder === 'left')).toEqual([]);
    });

    test('what is from a time before there were names is taken up by whoever comes', async () => {
      const old = await journal.createRun({
        ...{ runId: randomBytes(6).toString('hex'), taskId: 't', requester: 'r', profile: 'p', request: {} },
      });
      expect(await left.unfinishedRuns()).toContainEqual(old);
      expect(await right.moveRun(old, 'admitted')).toMatchObject({ state: 'admitted' });
    });
  });

  test('two processes see one journal', async () => {
    await using other = await openJournal({ home, databaseUrl: url });
    const run = await other.createRun({
      runId: '00000000abcd',
      taskId: 't',
      requester: 'r',
      profile: 'p',
      request: {},
    });
    expect(await journal.getRun(run.runId)).toEqual(run);
  });

  test('a transition that was changed, removed or cut off breaks the chain', async () => {
    await using database = await openServer(url);
    const ids = ['00000000c001', '00000000c002', '00000000c003'];
    for (const runId of ids) {
      const run = await journal.createRun({ runId, taskId: 't', requester: 'r', profile: 'p', request: {} });
      await journal.moveRun(await journal.moveRun(run, 'admitted'), 'refused');
    }
    await database.script(`
      update burnbag.transitions set why = 'because' where run_id = '${String(ids[0])}' and seq = 2;
      delete from burnbag.transitions where run_id = '${String(ids[1])}' and seq = 2;
      delete from burnbag.transitions where run_id = '${String(ids[2])}' and seq = 3;`);
    const verdicts = await Promise.all(ids.map((runId) => journal.checkChain(runId)));
    expect(verdicts).toMatchObject([
      { holds: false, seq: 2 },
      { holds: false, seq: 2 },
      { holds: false, seq: 3 },
    ]);
  });

  test('a script that fails in the middle leaves nothing', async () => {
    await using database = await openServer(url);
    await expect(database.script('create table burnbag.half (); select 1/0;')).rejects.toMatchObject({ code: '22012' });
    expect(await database.query("select to_regclass('burnbag.half') as half")).toEqual([{ half: null }]);
  });

  test('a connection that the server ends is a retryable error at most, and the next statement gets a new one', async () => {
    await using database = await openServer(url);
    await database.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'burnbag' and pid <> pg_backend_pid()",
    );
    await journal.listRuns().catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'journal_unavailable', retryable: true });
    });
    await vi.waitFor(async () => {
      expect(await journal.listRuns({ limit: 1 })).toHaveLength(1);
    });
  });

  test('refuses the journal of a newer Burnbag', async () => {
    await using database = await openServer(url);
    await database.query("insert into burnbag.migrations (id, name) values (999, 'from the future')");
    await expect(openJournal({ home, databaseUrl: url })).rejects.toMatchObject({ code: 'journal_newer' });
    await database.query('delete from burnbag.migrations where id = 999');
  });
});

test.each(['', 'mysql://localhost/x', 'nonsense with a s3cret', 'postgres://u:s3cret@:::/x'])(
  'refuses %j as an address, without repeating it',
  async (databaseUrl) => {
    const error: unknown = await openJournal({ home, databaseUrl }).catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({ code: 'bad_database_url' });
    expect(String(error)).not.toContain('s3cret');
  },
);

test('says that a server is not there', async () => {
  await expect(openJournal({ home, databaseUrl: 'postgres://u@127.0.0.1:1/x' })).rejects.toMatchObject({
    code: 'journal_unavailable',
    retryable: true,
  });
});
