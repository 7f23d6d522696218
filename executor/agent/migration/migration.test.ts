import { createHash } from 'node:crypto';
import { existsSync, linkSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MigrationReport } from '../../protocol/index.ts';
import { makeSandbox, type TestSandbox } from '../../testing/sandbox.ts';
import { authorize } from './authorize.ts';
import { migrate } from './migrate.ts';
import { migratedPath } from './paths.ts';

/** SQL that nobody vouches for, against a database that nobody vouches for, in a folder that looks like a sandbox. */
let sandbox: TestSandbox;
let job: string;
beforeEach(() => {
  sandbox = makeSandbox();
  job = join(sandbox.folder, 'work/job');
  writeFileSync(
    join(sandbox.folder, 'etc/secret.db'),
    makeDatabase('CREATE TABLE secret(x); INSERT INTO secret VALUES (42)'),
  );
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

const SCHEMA =
  'CREATE TABLE a(id INTEGER PRIMARY KEY, x); CREATE TABLE b(a INTEGER REFERENCES a(id)); INSERT INTO a(x) VALUES (1),(2),(3);';

function makeDatabase(sql = SCHEMA): Buffer {
  const path = join(sandbox.folder, 'made.db');
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
  const bytes = readFileSync(path);
  writeFileSync(path, '');
  return bytes;
}

function upload(content: string | Buffer): string {
  const sha256 = createHash('sha256').update(content).digest('hex');
  writeFileSync(join(sandbox.folder, 'work/in', sha256), content);
  return sha256;
}

function apply(sql: string, { dry_run = false, database = makeDatabase() } = {}): MigrationReport & { path: string } {
  const files = { database_sha256: upload(database), migration_sha256: upload(sql) };
  const report = migrate(sandbox.folder, { ...files, dry_run });
  return { ...report, path: join(sandbox.folder, migratedPath(files)) };
}

describe('a migration', () => {
  it('is applied to a copy, and tells rows and schema before and after', () => {
    const database = makeDatabase();
    const sha256 = upload(database);
    const { outcome, changes, before, after, path } = apply(
      'ALTER TABLE a ADD y; INSERT INTO a(x) VALUES (4); DELETE FROM a WHERE x < 3; PRAGMA user_version = 7;',
      { database },
    );
    expect([outcome, changes]).toEqual(['applied', 3]);
    expect(before).toMatchObject({
      user_version: 0,
      tables: [
        { name: 'a', rows: 3 },
        { name: 'b', rows: 0 },
      ],
      tables_total: 2,
      integrity: 'ok',
    });
    expect(after).toMatchObject({
      user_version: 7,
      tables: [
        { name: 'a', rows: 2 },
        { name: 'b', rows: 0 },
      ],
      foreign_key_violations: 0,
    });
    expect(after?.schema_sha256).not.toBe(before.schema_sha256);
    expect(readFileSync(join(sandbox.folder, 'work/in', sha256)).equals(database)).toBe(true);
    using migrated = new DatabaseSync(path, { readOnly: true });
    expect(
      migrated
        .prepare('SELECT x FROM a ORDER BY x')
        .all()
        .map(({ x }) => x),
    ).toEqual([3, 4]);
  });

  it('leaves nothing after a dry run, and tells the same', () => {
    const sql = 'BEGIN; INSERT INTO a(x) VALUES (4); COMMIT;';
    const dry = apply(sql, { dry_run: true });
    expect(readdirSync(job)).toEqual([]);
    expect({ ...apply(sql), path: '' }).toEqual({ ...dry, path: '' });
    expect(readdirSync(job)).toHaveLength(1);
  });

  it('has one schema digest for one schema, in whatever order it was made', () => {
    const one = apply('CREATE TABLE c(x); CREATE TABLE d(y);', { dry_run: true }).after?.schema_sha256;
    expect(apply('CREATE TABLE d(y); CREATE TABLE c(x);', { dry_run: true }).after?.schema_sha256).toBe(one);
  });

  it.each([
    ['a syntax error half way', 'INSERT INTO a(x) VALUES (4); NONSENSE;', /syntax error/],
    ['half a statement', 'INSERT INTO a(x) VALUES (4); CREATE TABLE', /incomplete input/],
    ['a broken reference', 'PRAGMA foreign_keys = OFF; INSERT INTO b VALUES (99);', /references/],
    ['a transaction left open', 'BEGIN; INSERT INTO a(x) VALUES (4);', /transaction open/],
    ['a constraint', 'INSERT INTO a(id) VALUES (1);', /UNIQUE/],
    [
      'more than a database may hold',
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100) INSERT INTO a(x) SELECT zeroblob(1000000) FROM n;',
      /full/,
    ],
    [
      'more than memory may hold',
      'INSERT INTO a(x) SELECT group_concat(hex(zeroblob(8000000))) FROM a, a, a, a;',
      /too big|memory/,
    ],
  ])('is rejected and leaves nothing: %s', (_what, sql, reason) => {
    const report = apply(sql);
    expect(report).toMatchObject({ outcome: 'rejected', after: null, changes: 0 });
    expect(report.error).toMatch(reason);
    expect(readdirSync(job)).toEqual([]);
  });

  it('refuses a damaged database, what is no database, and SQL with NUL or without UTF-8', () => {
    const damaged = makeDatabase(
      `${SCHEMA} CREATE INDEX i ON a(x); INSERT INTO a(x) SELECT a.x FROM a, a AS y, a AS z;`,
    );
    damaged.fill(0x41, 4096, 4096 + 200);
    expect(() => apply('SELECT 1;', { database: damaged })).toThrow(/malformed/);
    expect(() =>
      apply('SELECT 1;', { database: Buffer.from('no database, and long enough to see that'.repeat(200)) }),
    ).toThrow(/not a database/);
    expect(() => apply('SELECT 1;\0 DROP TABLE a;')).toThrow(/NUL/);
    const invalid = upload(Buffer.from([0x2d, 0x2d, 0xff]));
    expect(() =>
      migrate(sandbox.folder, { database_sha256: upload(makeDatabase()), migration_sha256: invalid, dry_run: false }),
    ).toThrow();
    expect(readdirSync(job)).toEqual([]);
  });

  it('takes a database in WAL mode, and leaves one file', () => {
    apply('INSERT INTO a(x) VALUES (9);', { database: makeDatabase(`PRAGMA journal_mode = WAL; ${SCHEMA}`) });
    expect(readdirSync(job)).toHaveLength(1);
  });

  it('does not write through a name that was put in its way', () => {
    const outside = join(sandbox.folder, 'etc/target');
    writeFileSync(outside, 'untouched');
    symlinkSync(outside, join(job, `.migration-${process.pid}.db`));
    expect(() => apply('INSERT INTO a(x) VALUES (9);')).toThrow(/EEXIST/);
    const sql = 'INSERT INTO a(x) VALUES (10);';
    const database = makeDatabase();
    const place = join(
      sandbox.folder,
      migratedPath({ database_sha256: upload(database), migration_sha256: upload(sql) }),
    );
    linkSync(outside, place);
    expect(apply(sql, { database }).outcome).toBe('applied');
    expect(readFileSync(outside, 'utf8')).toBe('untouched');
  });
});

/** Ways out of the one database, and whether they are ways out without the defence: then the control must get there. */
const ESCAPES: readonly (readonly [string, (folder: string) => string])[] = [
  [
    'another database is attached',
    (folder) => `ATTACH '${folder}/etc/secret.db' AS s; INSERT INTO a(x) SELECT x FROM s.secret;`,
  ],
  ['a new file is written', (folder) => `ATTACH '${folder}/work/job/planted' AS p; CREATE TABLE p.x(y);`],
  ['a copy is written elsewhere', (folder) => `VACUUM INTO '${folder}/work/job/planted';`],
  ['an URI is attached', (folder) => `ATTACH 'file:${folder}/etc/secret.db?mode=ro' AS s;`],
];

describe('out of the database', () => {
  it.each([
    ...ESCAPES,
    ['an extension is loaded', () => "SELECT load_extension('/usr/lib/x.so');"],
    ['an extension is loaded by name in quotes', () => 'SELECT "load_extension"(\'/usr/lib/x.so\');'],
    ['the schema is written to', () => "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'x';"],
    [
      'the schema is written to without asking',
      () => "UPDATE sqlite_schema SET sql = 'CREATE TABLE a(y)' WHERE name = 'a';",
    ],
    ['temporary files go elsewhere', () => "PRAGMA temp_store_directory = '/etc';"],
    ['the size limit is lifted', () => 'PRAGMA max_page_count = 4294967294;'],
    ['the memory limit is lifted', () => 'PRAGMA hard_heap_limit = 0;'],
    ['memory is mapped', () => 'PRAGMA mmap_size = 1000000000;'],
    ['the journal is switched off', () => 'PRAGMA journal_mode = OFF;'],
    ['a trusted schema is asked for', () => 'PRAGMA trusted_schema = ON;'],
    ['a virtual table is made', () => 'CREATE VIRTUAL TABLE v USING fts5(x);'],
    ['pages are read raw', () => 'CREATE VIRTUAL TABLE v USING dbstat;'],
    ['a tokenizer is given by pointer', () => "SELECT fts3_tokenizer('x', x'4141414141414141');"],
    ['it is detached', () => 'DETACH main;'],
    [
      'a trigger does it later',
      (folder: string) =>
        `CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT load_extension('${folder}'); END; INSERT INTO a(x) VALUES (1);`,
    ],
    ['a view does it later', () => "CREATE VIEW v AS SELECT load_extension('x'); SELECT * FROM v;"],
  ] as const)('nothing happens when %s', (_what, sql) => {
    const report = apply(sql(sandbox.folder));
    expect(report).toMatchObject({ outcome: 'rejected', after: null });
    expect(report.error).toMatch(/not authorized|authorization denied|unsafe use|may not be modified|prohibited/);
    expect(readdirSync(job)).toEqual([]);
  });

  it.each(ESCAPES)('control: without the authorizer and the limit, it works: %s', (_what, sql) => {
    const path = join(job, 'open.db');
    writeFileSync(path, makeDatabase());
    using database = new DatabaseSync(path);
    database.exec(sql(sandbox.folder));
    expect(existsSync(join(job, 'planted')) || database.prepare('PRAGMA database_list').all().length > 1).toBe(true);
  });

  it('each of the two defences of ATTACH holds alone', () => {
    const attach = "ATTACH ':memory:' AS other";
    using limited = new DatabaseSync(':memory:', { limits: { attach: 0 } });
    expect(() => {
      limited.exec(attach);
    }).toThrow(/too many attached/);
    using authorized = new DatabaseSync(':memory:');
    authorized.setAuthorizer(authorize);
    expect(() => {
      authorized.exec(attach);
    }).toThrow(/not authorized/);
  });

  it('denies every kind of statement that is not in its list, those SQLite does not have yet too', () => {
    const kinds = Object.entries(constants).filter(([name]) =>
      /^SQLITE_(ATTACH|DETACH|CREATE_VTABLE|DROP_VTABLE|COPY)$/.test(name),
    );
    expect(kinds).toHaveLength(5);
    for (const [, what] of [...kinds, ['', 999] as const])
      expect(authorize(what, 'x', 'y')).toBe(constants.SQLITE_DENY);
  });
});
