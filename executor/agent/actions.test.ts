import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTRACTS, EXCERPT_MAX_BYTES } from '../protocol/index.ts';
import { makeSandbox, type TestSandbox } from '../testing/sandbox.ts';
import { failureOf } from './failure.ts';
import type { Context } from './action.ts';
import { run as checkHealth } from './actions/check_health.ts';
import { run as getFile } from './actions/get_file.ts';
import { run as listFiles } from './actions/list_files.ts';
import { run as listProcesses } from './actions/list_processes.ts';
import { run as putFile } from './actions/put_file.ts';
import { run as readFile } from './actions/read_file.ts';
import { run as tailLog } from './actions/tail_log.ts';

let sandbox: TestSandbox;
let context: Context;
let job: string;
beforeEach(() => {
  sandbox = makeSandbox();
  job = join(sandbox.folder, 'work', 'job');
  context = { guest: sandbox.guest, endsAt: 0, signal: new AbortController().signal };
});
afterEach(() => {
  sandbox[Symbol.dispose]();
});

const sha256Of = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

function codeOf(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    return failureOf(error).code;
  }
}

describe('put_file', () => {
  const put = (path: string, text: string, sha256 = sha256Of(text)): unknown =>
    putFile({ path, content_base64: Buffer.from(text).toString('base64'), sha256 }, context);

  it('writes a file that nobody can write again', () => {
    put('/work/in/a', 'content');
    const file = join(sandbox.folder, 'work/in/a');
    expect(readFileSync(file, 'utf8')).toBe('content');
    expect(statSync(file).mode & 0o777).toBe(0o555);
    expect(statSync(file).nlink).toBe(1);
  });

  it('refuses other content than its digest says, a taken name, a link in the way; and leaves nothing behind', () => {
    put('/work/in/a', 'content');
    symlinkSync(job, join(sandbox.folder, 'work/in/link'));
    expect(codeOf(() => put('/work/in/b', 'content', sha256Of('other')))).toBe('DIGEST_MISMATCH');
    expect(codeOf(() => put('/work/in/a', 'other'))).toBe('ALREADY_EXISTS');
    expect(codeOf(() => put('/work/in/link', 'other'))).toBe('ALREADY_EXISTS');
    expect(codeOf(() => put('/work/in/link/b', 'other'))).toBe('IS_A_LINK');
    expect(codeOf(() => put('/work/in/missing/b', 'other'))).toBe('NOT_FOUND');
    expect(readFileSync(join(sandbox.folder, 'work/in/a'), 'utf8')).toBe('content');
    expect(readdirSync(join(sandbox.folder, 'work/in'))).toEqual(['a', 'link']);
    expect(readdirSync(job)).toEqual([]);
  });
});

describe('get_file, read_file, tail_log', () => {
  it('fetch, show and tail what is there', () => {
    writeFileSync(join(job, 'log'), 'one\ntwo\nthree\n');
    expect(getFile({ path: '/work/job/log', offset: 4, length: 3 }, context)).toEqual({
      encoding: 'base64',
      data: Buffer.from('two').toString('base64'),
      offset: 4,
      bytes: 3,
      sha256: sha256Of('two'),
      file_bytes: 14,
      truncated: true,
    });
    expect(getFile({ path: '/work/job/log', offset: 99, length: 3 }, context)).toMatchObject({
      bytes: 0,
      file_bytes: 14,
    });
    expect(readFile({ path: '/work/job/log', max_bytes: 100 }, context)).toMatchObject({
      data: 'one\ntwo\nthree\n',
      truncated: false,
    });
    expect(readFile({ path: '/work/job/log', max_bytes: 5 }, context)).toMatchObject({
      data: 'one\nt',
      truncated: true,
    });
    expect(tailLog({ path: '/work/job/log', lines: 2 }, context)).toMatchObject({
      data: 'two\nthree\n',
      offset: 4,
      truncated: true,
    });
    expect(tailLog({ path: '/work/job/log', lines: 3 }, context)).toMatchObject({ offset: 0, truncated: false });
    expect(tailLog({ path: '/work/job/log', lines: 9 }, context)).toMatchObject({
      data: 'one\ntwo\nthree\n',
      truncated: false,
    });
  });

  it('take an empty file, and a log without an end', () => {
    writeFileSync(join(job, 'empty'), '');
    writeFileSync(join(job, 'open'), 'one\ntwo');
    expect(tailLog({ path: '/work/job/empty', lines: 1 }, context)).toMatchObject({
      data: '',
      bytes: 0,
      truncated: false,
    });
    expect(tailLog({ path: '/work/job/open', lines: 1 }, context)).toMatchObject({ data: 'two' });
  });

  it('tail a large file within one answer', () => {
    writeFileSync(join(job, 'large'), 'x\n'.repeat(EXCERPT_MAX_BYTES));
    const tail = tailLog({ path: '/work/job/large', lines: 3 }, context);
    expect(tail).toMatchObject({ data: 'x\nx\nx\n', file_bytes: 2 * EXCERPT_MAX_BYTES, truncated: true });
    writeFileSync(join(job, 'one-line'), 'x'.repeat(2 * EXCERPT_MAX_BYTES));
    expect(tailLog({ path: '/work/job/one-line', lines: 1 }, context).bytes).toBe(EXCERPT_MAX_BYTES);
  });

  it('do not read a file outside the root through a link', () => {
    symlinkSync('/etc/passwd', join(job, 'link'));
    const path = '/work/job/link';
    for (const act of [
      () => getFile({ path, offset: 0, length: 1 }, context),
      () => readFile({ path, max_bytes: 1 }, context),
    ]) {
      expect(codeOf(act)).toBe('IS_A_LINK');
    }
    expect(codeOf(() => tailLog({ path, lines: 1 }, context))).toBe('IS_A_LINK');
  });
});

describe('list_files', () => {
  it('lists in order, names links and does not follow them', () => {
    mkdirSync(join(job, 'b'));
    writeFileSync(join(job, 'b', 'x'), 'abc');
    writeFileSync(join(job, 'a'), '');
    chmodSync(join(job, 'a'), 0o640);
    symlinkSync('/etc', join(job, 'c'));
    const { entries, truncated } = listFiles({ path: '/work/job', max_entries: 10 }, context);
    expect(entries.map(({ path, type, size }) => [path, type, type === 'file' ? size : 0])).toEqual([
      ['/work/job/a', 'file', 0],
      ['/work/job/b', 'folder', 0],
      ['/work/job/b/x', 'file', 3],
      ['/work/job/c', 'link', 0],
    ]);
    expect(entries[0]?.mode).toBe('0640');
    expect(truncated).toBe(false);
  });

  it('says when it did not list everything', () => {
    for (const name of ['a', 'b', 'c']) writeFileSync(join(job, name), '');
    expect(listFiles({ path: '/work/job', max_entries: 2 }, context)).toMatchObject({
      truncated: true,
      entries: { length: 2 },
    });
    expect(listFiles({ path: '/work/job', max_entries: 3 }, context)).toMatchObject({ truncated: false });
  });

  it('gives names that are not UTF-8 exactly', () => {
    const name = Buffer.from([0x66, 0xff]);
    writeFileSync(Buffer.concat([Buffer.from(`${job}/`), name]), '');
    const [entry] = listFiles({ path: '/work/job', max_entries: 10 }, context).entries;
    expect(
      Buffer.from(entry?.path_base64 ?? '', 'base64').equals(Buffer.concat([Buffer.from('/work/job/'), name])),
    ).toBe(true);
  });

  it('ends in a tree without end', () => {
    let path = job;
    for (let depth = 0; depth < 40; depth++) mkdirSync((path = join(path, 'd')));
    const { entries, truncated } = listFiles({ path: '/work/job', max_entries: 1000 }, context);
    expect(entries.length).toBeLessThan(40);
    expect(truncated).toBe(true);
  });
});

describe('list_processes, check_health', () => {
  it('tell what runs, and how the machine is', async () => {
    const processes = CONTRACTS.list_processes.result.parse(listProcesses());
    const self = processes.entries.find(({ pid }) => pid === process.pid);
    expect(self).toMatchObject({ ppid: process.ppid, uid: process.getuid?.() });
    expect(existsSync(self?.argv[0] ?? '')).toBe(true);
    const health = CONTRACTS.check_health.result.parse(await checkHealth({}, context));
    expect(health.memory.total_bytes).toBeGreaterThan(health.memory.available_bytes);
    expect(health.disks.map(({ path }) => path)).toEqual(['/', '/work', '/tmp']);
    expect(health.services.spawner).toBe('stopped');
    expect(health.audit).toMatchObject({ enabled: null, lost: null, backlog: null });
  });

  it('measures how far the clock is from what the control plane set', async () => {
    const offsetOf = async (commandLine: string, aheadMs = 0): Promise<number | null> => {
      writeFileSync(sandbox.guest.commandLineFile, commandLine);
      const guest = { ...sandbox.guest, now: () => Date.now() + aheadMs };
      return (await checkHealth({}, { ...context, guest })).time.offset_ms;
    };
    const bootedAt = Math.floor(Date.now() / 1000 - Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]));
    expect(Math.abs((await offsetOf(`quiet burnbag.now=${bootedAt} rw\n`)) ?? Infinity)).toBeLessThan(2_000);
    expect(await offsetOf(`burnbag.now=${bootedAt}`, 3_600_000)).toBeGreaterThan(3_590_000);
    expect(await offsetOf('quiet rw')).toBeNull();
  });
});
