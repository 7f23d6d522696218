import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { failureOf } from '../../executor/agent/failure.ts';
import { openFile } from '../../executor/agent/files/open.ts';
import { makeSandbox, type TestSandbox } from '../../executor/testing/sandbox.ts';

/*
 * Two processes that never stop changing what a path means, one its folder and one its last name, while it is read a hundred thousand times.
 * What is opened is the harmless file or nothing: never the secret by way of a link or a second name, never a device, never a FIFO (that would wait for ever).
 */
const READS = 100_000;
const CONTROL_MS = 180_000;
const SECRET = 'the-secret-that-nobody-may-read';
vi.setConfig({ testTimeout: 1_200_000 });

let sandbox: TestSandbox;
let job: string;
let racers: ChildProcess[];
beforeEach(async () => {
  sandbox = makeSandbox();
  job = join(sandbox.folder, 'work/job');
  writeFileSync(join(sandbox.folder, 'etc/file'), SECRET);
  mkdirSync(join(job, 'folder'));
  writeFileSync(join(job, 'folder/file'), 'harmless');
  racers = [FOLDER_RACER, NAME_RACER].map((code) =>
    spawn(process.execPath, ['-e', code], { cwd: job, env: {}, stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  await Promise.all(racers.map((racer) => once(racer.stdout ?? racer, 'data')));
  // Both have begun: now they race.
  for (const { stdin } of racers) stdin?.write('go');
});
afterEach(async () => {
  const ended = racers.map((racer) => once(racer, 'exit'));
  for (const racer of racers) racer.kill('SIGKILL');
  await Promise.all(ended);
  sandbox[Symbol.dispose]();
});

/** The folder is itself, then a link to one with a file of the same name, then itself. */
const FOLDER_RACER = `
  const { renameSync, symlinkSync, rmSync } = require('node:fs');
  const attempt = (act) => { try { act(); } catch {} };
  console.log('ready');
  process.stdin.once('data', () => {
    for (;;) {
      attempt(() => renameSync('folder', 'aside'));
      attempt(() => symlinkSync('../../etc', 'folder'));
      attempt(() => rmSync('folder'));
      attempt(() => renameSync('aside', 'folder'));
    }
  });`;

/**
 * The file is harmless, a link, a FIFO, a device where there is one, a second name of the secret, a folder, and harmless again; each put there in one
 * step. It holds on to the folder itself: by its name it would come through the link now and then, and put something in the secret's place.
 */
const NAME_RACER = `
  const { existsSync, linkSync, mkdirSync, openSync, renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
  require('node:child_process').spawnSync('/usr/bin/mkfifo', ['fifo'], { env: {} });
  const file = '/proc/self/fd/' + openSync('folder') + '/file';
  const attempt = (act) => { try { act(); } catch {} };
  const put = (make) => { attempt(() => make('next')); attempt(() => renameSync('next', file)); attempt(() => rmSync('next', { recursive: true })); };
  console.log('ready');
  process.stdin.once('data', () => {
    for (;;) {
      put((name) => symlinkSync('../../../etc/file', name));
      put((name) => writeFileSync(name, 'harmless'));
      put((name) => linkSync('../../etc/file', name));
      put((name) => writeFileSync(name, 'harmless'));
      put((name) => linkSync('fifo', name));
      attempt(() => rmSync(file));
      if (existsSync('device')) { put((name) => linkSync('device', name)); attempt(() => rmSync(file)); }
      put((name) => mkdirSync(name));
      attempt(() => rmSync(file, { recursive: true }));
      put((name) => writeFileSync(name, 'harmless'));
    }
  });`;

/** What opening says: the content, or the code of the failure. */
function read(): string {
  try {
    using file = openFile(sandbox.guest.root, '/work/job/folder/file');
    if (!fstatSync(file.fd).isFile()) return 'no file';
    return readFileSync(file.fd, 'utf8');
  } catch (error) {
    return failureOf(error).code;
  }
}

describe('a path that two processes keep changing', () => {
  test('never opens the secret, a link, a FIFO, a device or a second name in a hundred thousand reads', () => {
    // Only root can make one, and only root's tests meet it.
    if (process.getuid?.() === 0)
      execFileSync('/usr/bin/mknod', [join(job, 'device'), 'c', '1', '3'], { timeout: 5_000 });
    const seen = new Map<string, number>();
    for (let round = 0; round < READS; round++) {
      const said = read();
      seen.set(said, (seen.get(said) ?? 0) + 1);
    }
    const allowed = [
      'harmless',
      '',
      'IS_A_LINK',
      'NOT_FOUND',
      'PATH_CHANGED',
      'NOT_A_FILE',
      'NOT_A_FOLDER',
      'HAS_OTHER_NAMES',
    ];
    expect([...seen.keys()].filter((said) => !allowed.includes(said))).toEqual([]);
    // Nobody harmed the secret, which could not have been told then.
    expect(readFileSync(join(sandbox.folder, 'etc/file'), 'utf8')).toBe(SECRET);
    // The race was run: each of its faces was met.
    for (const said of ['harmless', 'IS_A_LINK', 'HAS_OTHER_NAMES', 'NOT_FOUND'])
      expect(seen.get(said), said).toBeGreaterThan(0);
  });

  // It does not wait for a FIFO's other end: that trap would end the control before it has told anything.
  const readAt = (path: string): string => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  };

  test('control: looking first and opening then tells the secret', () => {
    let told = 0;
    const path = join(job, 'folder/file');
    // By time, not by turns: on a busy machine the others may rarely be in the middle of something.
    for (const end = performance.now() + CONTROL_MS; performance.now() < end && told === 0;) {
      try {
        const { nlink } = lstatSync(path);
        if (lstatSync(path).isFile() && nlink === 1 && readAt(path).includes(SECRET)) told++;
      } catch {
        // It was not there at that moment.
      }
    }
    expect(told).toBeGreaterThan(0);
  });
});
